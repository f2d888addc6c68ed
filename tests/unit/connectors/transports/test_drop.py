"""Dropped files: what is offered, in which order."""

from cbcr_assets.connectors.transports.drop import offered, offered_by


def test_ready_files_are_offered_by_name_across_kinds(tmp_path):
    for name in ("info/3.json", "log/1.log", "info/2.json", "nonsense/4.json", "5.json"):
        path = tmp_path / "src" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    for name in ("info/0.json.tmp", "info/.hidden", ".lock"):
        (tmp_path / "src" / name).write_text("")
    (tmp_path / "src" / "info" / "folder.json").mkdir()
    (tmp_path / "other" / "info").mkdir(parents=True)
    (tmp_path / "other" / "info" / "x.json").write_text("")
    files = offered(tmp_path, "src")
    assert [(f.kind, f.path.name, f.size) for f in files] == [
        ("log", "1.log", 9),
        ("info", "2.json", 11),
        ("info", "3.json", 11),
        ("nonsense", "4.json", 15),
        ("", "5.json", 6),
    ]
    assert {f.source_id for f in files} == {"src"}
    assert files[0].mtime_ns == files[0].path.stat().st_mtime_ns


def test_an_inbox_that_does_not_exist_yet_offers_nothing(tmp_path):
    assert offered(tmp_path / "later", "src") == []


def test_several_folders_are_merged_by_name(tmp_path):
    for folder, name in (("a", "2.json"), ("b", "1.json")):
        path = tmp_path / folder / "src" / "info" / name
        path.parent.mkdir(parents=True)
        path.write_text("")
    files = offered_by([tmp_path / "a", tmp_path / "b"], "src")
    assert [f.path.name for f in files] == ["1.json", "2.json"]
