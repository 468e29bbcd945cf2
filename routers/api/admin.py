"""`/v1/api/admin`: how the whole server is, for who runs it."""

from __future__ import annotations

from datetime import datetime

from flask import Blueprint, request

from models.account import Account, KeyOfAccount
from routers import serializers
from routers.access.gate import Gate
from service.overview import overview


def blueprint(gate: Gate) -> Blueprint:
    """The routes over the gate's services."""
    routes = Blueprint("admin", __name__)
    services = gate.services

    @routes.get("/admin/overview")
    def whole() -> serializers.Json:
        found = overview(services, with_accounts=gate.is_closed)
        link = serializers.UrlResolver.of(services, request)
        now = services.clock.now()
        return {
            "tasks": dict(found.tasks),
            "failed": [
                {"task": serializers.task(row.task, link), "project": {"id": row.task.project_id, "title": row.title}}
                for row in found.failed
            ],
            "stored": [{"kind": row.kind, "files": row.files, "bytes": row.size} for row in found.stored],
            "disk": {"free": found.free_bytes, "total": found.total_bytes},
            "users": [_user(row) for row in found.users],
            "keys": [_key(row, now) for row in found.keys],
        }

    return routes


def _user(row: Account) -> serializers.Json:
    return {
        "name": row.name,
        "role": row.role,
        "disabled": row.disabled_at is not None,
        "createdAt": serializers.time(row.created_at),
    }


def _key(row: KeyOfAccount, now: datetime) -> serializers.Json:
    key = row.key
    is_over = key.expires_at is not None and key.expires_at <= now
    return {
        "id": key.id,
        "owner": row.account.name,
        "name": key.name,
        "scope": key.scope,
        "state": "revoked" if key.revoked_at else "expired" if is_over else "active",
        "createdAt": serializers.time(key.created_at),
        "lastUsedAt": serializers.time(key.last_used_at),
    }
