"""Image stores: registries, OCI layout folders, the local engine; one interface, raw bytes, checked digests."""
