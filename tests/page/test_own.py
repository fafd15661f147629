"""Your sounds in a headless Chromium: in, heard, sorted, out and in again."""

from pathlib import Path

import pytest
from playwright.sync_api import expect

from cir.audio.io import save_wav
from tests.fakes import tone
from tests.page.browser import BROWSER_MARKS, PHONE, OpenPage, check_fit, drop, open_tab, sounding

pytestmark = BROWSER_MARKS


@pytest.fixture
def kit(tmp_path: Path) -> Path:
    """A folder of three sounds, one of a family, a text, and two files that cannot be read."""
    folder = tmp_path / "Kit"
    for name, pitch in (("Basses/low.wav", 60.0), ("one.wav", 300.0), ("two.wav", 700.0)):
        save_wav(folder / name, tone(pitch, 1.0, 44_100), 44_100)
    (folder / "readme.txt").write_text("not sent")
    (folder / "broken.wav").write_bytes(b"RIFF, and no more")
    (folder / "broken.FXP").write_bytes(b"CcnK, and no more")
    return folder


def test_a_folder_is_added_heard_and_exported(
    open_page: OpenPage, kit: Path, tmp_path: Path
) -> None:
    page = open_tab(open_page(), "Your sounds")
    page.locator("#cir-own-add").click()
    expect(page.locator("#cir-own-report .cir-message")).to_contain_text("nothing to add yet")
    drop(page, ".cir-drop", kit)
    files = page.locator("#cir-own-files")
    expect(files).to_contain_text("4 sounds ready")
    expect(files).to_contain_text("1 file will be left out")
    expect(files).to_contain_text("Kit/broken.FXP")
    families = files.locator(".cir-plan-folder > .cir-plan-row select")
    assert [families.nth(row).input_value() for row in range(2)] == ["bass", ""]
    page.locator("#cir-own-add").click()
    report = page.locator("#cir-own-report")
    expect(report).to_contain_text("3 sounds added")
    expect(report).to_contain_text("broken.wav cannot be read as sound")
    expect(report).to_contain_text("broken.FXP")
    rows = page.locator(".cir-own-list > li")
    expect(rows).to_have_count(3)
    labels = [rows.nth(row).locator("select").input_value() for row in range(3)]
    assert labels == ["bass", "", ""]
    rows.nth(1).locator(".cir-play").click()
    assert sounding(page).endswith("/kit-one.opus")
    expect(page.locator("#cir-own-stop")).not_to_be_visible()

    page.locator("#cir-own-export").click()
    with page.expect_download() as download:
        page.locator("#cir-own-download").click()
    packed = tmp_path / "out.zip"
    download.value.save_as(packed)
    other = open_tab(open_page(), "Your sounds")  # another visitor, who has nothing
    expect(other.locator("#cir-own-sounds")).to_contain_text("No sounds yet")
    other.locator('[data-input="files"]').set_input_files(packed)
    expect(other.locator("#cir-own-files")).to_contain_text("Exported: out.zip ready")
    other.locator("#cir-own-add").click()
    expect(other.locator(".cir-own-list > li")).to_have_count(3)


def test_sounds_are_sorted_and_removed_without_a_mouse(open_page: OpenPage, kit: Path) -> None:
    page = open_tab(open_page(*PHONE), "Your sounds")
    page.get_by_role("button", name="Choose files").focus()
    with page.expect_file_chooser() as chooser:
        page.keyboard.press("Enter")
    chooser.value.set_files([kit / "one.wav", kit / "two.wav"])
    expect(page.locator("#cir-own-files")).to_contain_text("2 sounds ready")
    page.locator("#cir-own-add").focus()
    page.keyboard.press("Enter")
    family = page.get_by_label("Family of two")
    family.wait_for()
    expect(page.locator("#cir-own-report")).to_contain_text("2 sounds added")
    check_fit(page)
    family.focus()
    page.keyboard.press("o")  # Organ
    expect(page.locator('select[data-family="organ"]')).to_have_count(1)
    page.get_by_role("button", name="Remove one").focus()
    page.keyboard.press("Enter")
    expect(page.locator(".cir-own-list > li")).to_have_count(1)
    expect(page.get_by_role("button", name="Remove two")).to_be_focused()
    expect(page.get_by_label("Family of two")).to_have_value("organ")
    page.locator(".cir-own-clear summary").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("#cir-own-sounds")).to_contain_text("No sounds yet")
