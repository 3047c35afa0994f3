"""Pages: what this user may see, one verb, render."""
