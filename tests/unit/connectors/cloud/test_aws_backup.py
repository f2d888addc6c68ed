"""AWS Backup, from the answers that its documentation publishes."""

import json
from datetime import datetime
from typing import Any

import pytest

from cbcr_assets.connectors.aws_backup import AwsBackup
from cbcr_assets.connectors.base import CatalogScope, Envelope, Parsed

NOW = datetime(2026, 11, 23, 12)
DB = "arn:aws:rds:eu-central-1:111122223333:db:orders"
POINT = "arn:aws:rds:eu-central-1:111122223333:snapshot:awsbackup:job-1"
JOB = {
    "AccountId": "111122223333", "BackupJobId": "job-1", "BackupVaultName": "Default",
    "RecoveryPointArn": POINT, "ResourceArn": DB,
    "CreationDate": "2026-11-23T05:00:00.123000+01:00",
    "CompletionDate": 1795412400.5, "State": "COMPLETED", "PercentDone": "100.0",
    "BackupSizeInBytes": 21474836480, "ResourceType": "RDS", "MessageCategory": "SUCCESS",
}  # fmt: skip
SET = {
    "RecoveryPointArn": POINT, "BackupVaultName": "Default", "ResourceArn": DB,
    "ResourceType": "RDS", "Status": "COMPLETED", "CreationDate": "2026-11-23T04:00:00Z",
    "CompletionDate": "2026-11-23T04:20:00Z", "BackupSizeInBytes": 21474836480,
    "CalculatedLifecycle": {"DeleteAt": "2026-12-23T04:00:00Z"},
}  # fmt: skip
RESTORE = {
    "RestoreJobId": "r-1", "RecoveryPointArn": POINT, "SourceResourceArn": DB,
    "CreationDate": "2026-11-23T06:00:00Z", "CompletionDate": "2026-11-23T06:30:00Z",
    "Status": "COMPLETED", "RecoveryPointCreationDate": "2026-11-23T04:00:00Z",
    "CreatedBy": {"RestoreTestingPlanArn": "arn:aws:backup:eu-central-1:111122223333:plan:p"},
    "ValidationStatus": "SUCCESSFUL",
}  # fmt: skip


def parse(kind: str, document: Any, *, rc: int = 0) -> Parsed:
    text = document if isinstance(document, str) else json.dumps(document)
    envelope = Envelope("aws", kind, "file", text, NOW, NOW, rc=rc)
    return AwsBackup().parse(envelope)


def only(parsed: Parsed, table: str) -> dict[str, Any]:
    assert (parsed.ok, parsed.rejects) == (True, ())
    return parsed.frames[table].row(0, named=True)


def test_a_completed_job() -> None:
    row = only(parse("backup_jobs", {"BackupJobs": [JOB]}), "backup_jobs")
    assert row["state"] == "succeeded"
    assert row["native_instance"] == DB
    assert row["started_at"] == datetime(2026, 11, 23, 4, 0, 0, 123000)
    assert row["finished_at"] == datetime(2026, 11, 23, 5, 40, 0, 500000)
    assert (row["attempt_key"], row["backup_label"], row["repo"]) == ("job-1", POINT, "Default")
    assert row["source_bytes"] == 21474836480


@pytest.mark.parametrize(
    ("facts", "state", "code", "text"),
    [
        (
            {"State": "FAILED", "StatusMessage": "Access denied"},
            "failed",
            "FAILED",
            "Access denied",
        ),
        ({"State": "EXPIRED"}, "failed", "EXPIRED", "EXPIRED"),
        ({"State": "ABORTED"}, "cancelled", None, None),
        ({"State": "PARTIAL"}, "succeeded_with_warnings", None, None),
        ({"StatusMessage": "VSS failed"}, "succeeded_with_warnings", None, "VSS failed"),
        ({"State": "RUNNING", "CompletionDate": None}, "running", None, None),
        ({"State": "CREATED", "CompletionDate": None}, "queued", None, None),
    ],
)
def test_the_states_of_a_job(facts: Any, state: str, code: str | None, text: str | None) -> None:
    row = only(parse("backup_jobs", {"BackupJobs": [JOB | facts]}), "backup_jobs")
    assert (row["state"], row["error_code"], row["error_text"]) == (state, code, text)


def test_a_recovery_point_is_what_its_start_was_and_ends_when_it_says() -> None:
    parsed = parse("recovery_points", {"RecoveryPoints": [SET]})
    row = only(parsed, "backup_sets")
    assert row["recovery_point_at"] == datetime(2026, 11, 23, 4)
    assert row["expires_at"] == datetime(2026, 12, 23, 4)
    assert (row["lifecycle"], row["integrity"]) == ("available", "unchecked")
    assert parsed.scopes == (CatalogScope(DB, "Default"),)


def test_one_page_or_a_refused_point_proves_nothing_about_the_absent() -> None:
    paged = parse("recovery_points", {"RecoveryPoints": [SET], "NextToken": "more"})
    assert paged.scopes == ()
    broken = parse("recovery_points", {"RecoveryPoints": [SET, SET | {"Status": "ODD"}]})
    assert (broken.scopes, len(broken.rejects), broken.seen) == ((), 1, 2)
    making = parse("recovery_points", {"RecoveryPoints": [SET | {"Status": "CREATING"}]})
    assert (making.frames, making.seen) == ({}, 0)
    gone = only(parse("recovery_points", {"RecoveryPoints": [SET | {"Status": "EXPIRED"}]}),
                "backup_sets")  # fmt: skip
    assert (gone["lifecycle"], gone["unusable_from"]) == ("expired", NOW)


def test_a_restore_test_is_a_drill_that_proves_no_time() -> None:
    row = only(parse("restore_jobs", {"RestoreJobs": [RESTORE]}), "restore_jobs")
    assert (row["purpose"], row["state"], row["verification"]) == ("drill", "succeeded", "none")
    assert row["verified_at"] is None
    assert row["restored_at"] == datetime(2026, 11, 23, 6, 30)
    bad = RESTORE | {"ValidationStatus": "FAILED", "CreatedBy": None}
    row = only(parse("restore_jobs", {"RestoreJobs": [bad]}), "restore_jobs")
    assert (row["purpose"], row["verification"]) == ("unknown", "failed")


@pytest.mark.parametrize("document", ["", "[]", "null", '{"Jobs": []}', "An error occurred"])
def test_what_is_no_list_is_refused_whole(document: str) -> None:
    parsed = parse("backup_jobs", document)
    assert (parsed.ok, parsed.seen, len(parsed.rejects)) == (False, 1, 1)


def test_a_failed_command_proves_nothing() -> None:
    assert not parse("backup_jobs", {"BackupJobs": []}, rc=254).ok
