"""Fresh rows: events join the bank as they come, and the touched customers' features follow at once."""
