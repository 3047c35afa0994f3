"""How right the scanner is, against lists and answers that others worked out."""
