"""The form of each kind of document: one file per kind, found by the codec through its KIND."""
