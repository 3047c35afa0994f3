"""SBOMs as bytes: what is written of an image, and what is read in place of one."""
