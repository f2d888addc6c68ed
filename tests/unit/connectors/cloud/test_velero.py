"""Velero, from the objects that its documentation publishes."""

import json
from datetime import datetime
from typing import Any

import pytest

from cbcr_assets.connectors.base import CatalogScope, Envelope, Parsed
from cbcr_assets.connectors.velero import Velero

NOW = datetime(2026, 11, 23, 12)
BACKUP = {
    "kind": "Backup", "apiVersion": "velero.io/v1",
    "metadata": {
        "name": "orders-20261123040000", "namespace": "velero", "uid": "u-1",
        "creationTimestamp": "2026-11-23T04:00:00Z",
        "labels": {"velero.io/schedule-name": "orders", "velero.io/storage-location": "default"},
    },
    "spec": {"storageLocation": "s3-fra", "ttl": "720h0m0s"},
    "status": {
        "phase": "Completed", "startTimestamp": "2026-11-23T04:00:01Z",
        "completionTimestamp": "2026-11-23T04:05:00Z", "expiration": "2026-12-23T04:00:00Z",
    },
}  # fmt: skip


def backup(**status: Any) -> dict[str, Any]:
    return BACKUP | {"status": BACKUP["status"] | status}  # type: ignore[operator]


def parse(document: Any, kind: str = "backups") -> Parsed:
    text = document if isinstance(document, str) else json.dumps(document)
    return Velero().parse(Envelope("k8s", kind, "file", text, NOW, NOW))


def listed(*items: Any, kind: str = "Backup") -> dict[str, Any]:
    return {"kind": f"{kind}List", "items": list(items)}


def test_a_completed_backup_is_an_attempt_and_a_set() -> None:
    parsed = parse(listed(BACKUP))
    attempt = parsed.frames["backup_jobs"].row(0, named=True)
    made = parsed.frames["backup_sets"].row(0, named=True)
    assert (attempt["state"], attempt["native_instance"]) == ("succeeded", "orders")
    assert attempt["finished_at"] == datetime(2026, 11, 23, 4, 5)
    assert made["recovery_point_at"] == datetime(2026, 11, 23, 4, 0, 1)
    assert made["expires_at"] == datetime(2026, 12, 23, 4)
    assert (made["repo"], made["integrity"]) == ("s3-fra", "unchecked")
    assert parsed.scopes == (CatalogScope("orders"),)
    assert parsed.seen == 2


@pytest.mark.parametrize(
    ("status", "state", "sets", "error"),
    [
        ({"phase": "PartiallyFailed", "errors": 3}, "succeeded_with_warnings", 1, "3 errors"),
        ({"warnings": 2}, "succeeded_with_warnings", 1, "2 warnings"),
        ({"phase": "Failed", "failureReason": "no such bucket"}, "failed", 0, "no such bucket"),
        ({"phase": "FailedValidation", "validationErrors": ["no location"]}, "failed", 0,
         "no location"),
        ({"phase": "InProgress", "completionTimestamp": None}, "running", 0, None),
        ({"phase": "Finalizing"}, "running", 0, None),
    ],
)  # fmt: skip
def test_the_phases_of_a_backup(status: Any, state: str, sets: int, error: str | None) -> None:
    parsed = parse(listed(backup(**status)))
    row = parsed.frames["backup_jobs"].row(0, named=True)
    assert (row["state"], row["error_text"]) == (state, error)
    assert ("backup_sets" in parsed.frames) == bool(sets)
    assert state != "running" or row["finished_at"] is None


def test_a_backup_that_is_being_deleted_is_gone_from_the_list() -> None:
    other = BACKUP | {"metadata": BACKUP["metadata"] | {"name": "other", "uid": "u-2"}}  # type: ignore[operator]
    parsed = parse(listed(backup(phase="Deleting"), other))
    assert parsed.frames["backup_sets"]["label"].to_list() == ["other"]
    assert parsed.scopes == (CatalogScope("orders"),)


def test_the_label_names_the_instance_and_one_object_is_no_whole_list() -> None:
    labels = {"cbcr.io/instance": "orders-db", "velero.io/schedule-name": "nightly"}
    parsed = parse(BACKUP | {"metadata": BACKUP["metadata"] | {"labels": labels}})  # type: ignore[operator]
    assert parsed.frames["backup_sets"]["native_instance"].to_list() == ["orders-db"]
    assert parsed.scopes == ()


def test_a_restore() -> None:
    restore = {
        "kind": "Restore",
        "metadata": {"name": "r", "uid": "u-9", "creationTimestamp": "2026-11-23T06:00:00Z"},
        "spec": {"backupName": "orders-20261123040000", "scheduleName": "orders"},
        "status": {"phase": "Completed", "startTimestamp": "2026-11-23T06:00:02Z",
                   "completionTimestamp": "2026-11-23T06:10:00Z"},
    }  # fmt: skip
    parsed = parse(listed(restore, kind="Restore"), "restores")
    row = parsed.frames["restore_jobs"].row(0, named=True)
    assert (row["native_instance"], row["state"], row["verification"]) == (
        "orders", "succeeded", "none"
    )  # fmt: skip
    assert row["requested_at"] == datetime(2026, 11, 23, 6)
    assert row["source_label"] == "orders-20261123040000"


@pytest.mark.parametrize(
    "document", ["", "[]", '{"kind": "PodList", "items": []}', '{"kind": "BackupList"}']
)
def test_another_document_is_refused_whole(document: str) -> None:
    parsed = parse(document)
    assert (parsed.ok, parsed.seen, len(parsed.rejects)) == (False, 1, 1)


def test_a_strange_backup_is_refused_alone() -> None:
    parsed = parse(listed(BACKUP, {"metadata": []}, 7, backup(phase="Odd")))
    assert len(parsed.rejects) == 3
    assert (parsed.seen, parsed.scopes) == (5, ())
