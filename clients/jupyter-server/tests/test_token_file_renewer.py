import os

from beamgate_jupyter_server import TokenFileRenewer


def ask(renewer, current="configured"):
    return renewer.get_token("Authorization", "Bearer", current)


def test_the_file_is_read_again_when_it_changed(tmp_path, monkeypatch):
    path = tmp_path / "token"
    path.write_text("first\n")
    monkeypatch.setenv("BEAMGATE_TOKEN_FILE", str(path))
    renewer = TokenFileRenewer()
    assert ask(renewer) == "first"
    path.write_text("second one\n")
    assert ask(renewer) == "second one"
    # As kubelet does: another file in its place, of the same size and time.
    status = path.stat()
    (tmp_path / "next").write_text("third  one\n")
    os.utime(tmp_path / "next", ns=(status.st_atime_ns, status.st_mtime_ns))
    os.replace(tmp_path / "next", path)
    assert ask(renewer) == "third  one"


def test_the_last_token_stands_while_there_is_none_in_the_file_and_the_log_says_so_once(tmp_path, caplog):
    path = tmp_path / "token"
    renewer = TokenFileRenewer(token_file=str(path))
    assert ask(renewer) == "configured"
    path.write_text("first")
    assert ask(renewer) == "first"
    path.write_text("")
    assert [ask(renewer), ask(renewer)] == ["first", "first"]
    path.unlink()
    assert ask(renewer) == "first"
    assert [str(path) in record.getMessage() for record in caplog.records] == [True, True]
    path.write_text("second")
    assert ask(renewer) == "second"
