"""Object storage: what is new is fetched once, and nothing is lost on the way."""

import uuid

import fsspec
import pytest

from cbcr_assets.connectors.transports import objects
from cbcr_assets.connectors.transports.collect import collect
from cbcr_assets.connectors.transports.drop import offered
from cbcr_assets.connectors.transports.objects import read_objects


@pytest.fixture
def bucket():
    """The address of an empty prefix in a store in memory."""
    store, name = fsspec.filesystem("memory"), f"bucket-{uuid.uuid4().hex}"
    store.mkdirs(f"/{name}")
    yield f"memory://{name}/inbox"
    store.rm(f"/{name}", recursive=True)


@pytest.fixture
def put(bucket):
    """Write an object below the prefix."""

    def write(path, text="{}"):
        store, root = fsspec.core.url_to_fs(bucket)
        store.pipe_file(f"{root}/{path}", text.encode())

    return write


def read(bucket, cursor=None):
    answer = read_objects(bucket, source_id="src", cursor=cursor or {})
    assert answer.error is None, answer.error
    return [(f.kind, f.name, f.data) for f in answer.files], answer.cursor


def test_new_objects_are_fetched_once_in_the_order_of_their_names(bucket, put):
    put("src/info/2-b.json", "b")
    put("src/backup_log/1-a.json", "a")
    put("src/info/3.json.tmp")
    put("src/info/.hidden")
    put("src/info/deep/4.json")
    put("other/info/5.json")
    found, cursor = read(bucket)
    assert found == [("backup_log", "1-a.json", b"a"), ("info", "2-b.json", b"b")]
    assert read(bucket, cursor)[0] == []
    put("src/info/0-late.json", "late")
    assert read(bucket, cursor)[0] == [("info", "0-late.json", b"late")]


def test_a_changed_object_is_fetched_again_and_a_gone_one_forgotten(bucket, put):
    put("src/info/1.json", "a")
    _, cursor = read(bucket)
    put("src/info/1.json", "longer")
    found, cursor = read(bucket, cursor)
    assert found == [("info", "1.json", b"longer")]
    store, root = fsspec.core.url_to_fs(bucket)
    store.rm_file(f"{root}/src/info/1.json")
    assert read(bucket, cursor)[1] == {"seen": {}}


def test_a_large_backlog_comes_in_portions(bucket, put, monkeypatch):
    monkeypatch.setattr(objects, "_AT_ONCE_BYTES", 10)
    for index in range(4):
        put(f"src/info/{index}.json", "x" * 6)
    names, cursor = [], {}
    for _ in range(4):
        found, cursor = read(bucket, cursor)
        assert len(found) == 1
        names += [name for _, name, _ in found]
    assert names == ["0.json", "1.json", "2.json", "3.json"]


def test_what_is_too_large_is_told_and_holds_up_nothing(bucket, put, monkeypatch):
    monkeypatch.setattr(objects, "_LARGEST_BYTES", 3)
    put("src/info/1.json", "large")
    put("src/info/2.json", "ok")
    answer = read_objects(bucket, source_id="src", cursor={})
    assert [file.name for file in answer.files] == ["2.json"]
    assert "1.json has 5 bytes, the most is 3" in answer.error


def test_an_empty_inbox_is_no_error_but_no_store_is(bucket, put):
    put("other/info/1.json")
    assert read(bucket)[0] == []
    gone = read_objects("memory://no-such-bucket/inbox", source_id="src", cursor={"seen": {"a": 1}})
    assert "cannot be read" in gone.error
    assert gone.cursor == {"seen": {"a": 1}}
    unknown = read_objects("nosuch://bucket/inbox", source_id="src", cursor={})
    assert "nosuch" in unknown.error


def test_fetched_files_are_on_offer_like_dropped_ones(
    bucket, put, source, feed, ledger, tmp_path, now
):
    put("src/info/20260101T000000Z-a.json", '{"payload": 1}')
    spool = tmp_path / "spool"
    one = source(feed(objects=bucket))
    report = collect(one, spool=spool, ledger=ledger, now=now, environ={})
    assert report.errors == ()
    (file,) = offered(spool, "src")
    assert (file.kind, file.path.read_text()) == ("info", '{"payload": 1}')
