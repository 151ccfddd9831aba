from serving.pipeline.journal import Done, Journal, digest, digest_of_folder

DONE = Done("abc", 1.5, 10, ("ten rows",), {"rows": 10})


def test_a_finished_step_is_found_again_in_a_new_process(tmp_path):
    Journal(tmp_path / "run.json").finish("data", DONE)
    assert Journal(tmp_path / "run.json").finished("data", "abc") == DONE


def test_a_step_with_other_inputs_is_not_finished(tmp_path):
    Journal(tmp_path / "run.json").finish("data", DONE)
    assert Journal(tmp_path / "run.json").finished("data", "abd") is None


def test_what_a_step_found_changes_the_digest_later_steps_depend_on():
    assert DONE.digest != Done("abc", 1.5, 10, ("ten rows",), {"rows": 11}).digest
    assert DONE.digest == Done("abc", 99.0, 10, ("other words",), {"rows": 10}).digest


def test_a_changed_file_changes_the_digest_of_its_folder(tmp_path):
    (tmp_path / "a.csv").write_text("1")
    before = digest_of_folder(tmp_path)
    (tmp_path / "a.csv").write_text("12")
    assert digest_of_folder(tmp_path) != before


def test_a_digest_sees_every_input():
    assert digest({"seed": 7}) != digest({"seed": 8})
