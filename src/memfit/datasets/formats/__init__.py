"""The file formats, one file each. A reader takes a path and gives tables without weights; it runs no code of it."""
