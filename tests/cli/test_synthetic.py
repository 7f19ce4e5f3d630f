from pathlib import Path

from typer.testing import CliRunner

from landslip.cli.app import app
from landslip.preprocessing.product.product import open_product


def test_products_and_truth_of_a_preset(tmp_path: Path) -> None:
    out = tmp_path / "products"
    done = CliRunner().invoke(app, ["synthetic", "--preset", "small", "--out", str(out)])
    assert done.exit_code == 0, done.output
    archives = sorted(out.glob("*.tar.gz"))
    assert [path.name.split("_")[4] for path in archives] == ["20130812", "20150805"]
    for path in archives:
        with open_product(path) as product:
            assert product.camera.name in path.name.replace("_", " ")
    days = {path.stem.split("_")[1] for path in out.glob("landslides_*.gpkg")}
    assert days == {"20130812", "20150805"}
    assert (out / "dem.tif").exists()
    again = CliRunner().invoke(app, ["synthetic", "--preset", "small", "--out", str(out)])
    assert again.exit_code == 2
    assert "already exists" in again.output
