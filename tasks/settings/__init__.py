"""The sections of the config file; a key's type and range stand beside its default."""
