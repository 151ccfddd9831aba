"""What a model shows for itself: plots with their tables, model card, validation pack."""
