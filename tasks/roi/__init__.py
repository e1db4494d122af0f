"""What retrieval, fine-tuning or both cost and are worth: plain arithmetic on measured usage and a price sheet."""
