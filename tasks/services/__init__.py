"""The services that Ratchet runs on one machine: started, watched and ended."""
