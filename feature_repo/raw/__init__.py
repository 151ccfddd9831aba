"""Raw tables: contracts, the generated bank, and ingestion of any bank's files."""
