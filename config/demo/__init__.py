"""`make demo`: a start with something to see.

Small images are made on the spot and put into a registry of kind *layout*, sample advisories into
feeds; real workers walk, scan and judge them. Everything here is deterministic, so the same digests
come out each time and a second run finds its own work. Tests build their images with it as well.
"""
