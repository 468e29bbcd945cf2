"""Object storage behind one interface: MinIO (S3) or a local folder."""

from service.oss.store import ObjectInfo, ObjectStore, PublicBase

__all__ = ["ObjectInfo", "ObjectStore", "PublicBase"]
