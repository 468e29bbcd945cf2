"""Object storage behind one interface: MinIO (S3) or a local folder."""

from service.oss.store import Listed, ObjectInfo, ObjectStore, PublicBase

__all__ = ["Listed", "ObjectInfo", "ObjectStore", "PublicBase"]
