"""Images cleaned by `ImageDenoiser` and by hand-made filters.

    1. train     one model per noise on bsd400_train_gray, within a budget
    2. tune      every filter at every level on a few training pictures
    3. judge     PSNR, SSIM and time per megapixel, on the luminance of kodak24 and on photographs
                 bundled with scikit-image; neither is used in 1 and 2
    4. report    denoise.json, denoise.md and pictures in bench/results/<processor>

--ablation trains one variation of the recipe after another on the same number of patches and judges
on held-out training pictures: denoise_ablation.json and .md.

A run that was stopped continues where it was: models are kept in --models, scores in the JSON file.
--retrain keeps the filters' scores only. Data are read from the folder in DAE_DATA_DIR.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from bench import data, records
from bench.denoise import report
from bench.denoise.ablation import ablate
from bench.denoise.judging import judge
from bench.denoise.models import MODELS, train
from bench.machine import ROOT, environment


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench.denoise",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--budget", type=float, default=1800, help="seconds of training (%(default)s)"
    )
    parser.add_argument("--every", type=int, default=1, help="judge every n-th picture")
    parser.add_argument(
        "--skip",
        nargs="*",
        default=[],
        metavar="[NOISE ]METHOD",
        help="methods to leave out, for example BM3D or 'salt_and_pepper BM3D'",
    )
    parser.add_argument(
        "--retrain",
        action="store_true",
        help="train again; keep the filters' settings and scores",
    )
    parser.add_argument("--ablation", action="store_true", help="train variations of the recipe")
    parser.add_argument(
        "--patches", type=int, default=1_000_000, help="per variation of the ablation (%(default)s)"
    )
    parser.add_argument("--models", type=Path, default=ROOT / "build" / "denoise")
    parser.add_argument("--out", type=Path, default=records.folder(), help="folder of the results")
    return parser.parse_args()


def main() -> None:
    args = arguments()
    try:
        data.folder("images/bsd400_train_gray"), data.folder("images/kodak24")
    except FileNotFoundError as error:
        sys.exit(str(error))
    if args.ablation:
        ablate(args.out, args.patches)
        return
    path = args.out / "denoise.json"
    record: dict[str, Any] = {"training": {}, "tuning": {}, "scores": [], **records.read(path)}
    if args.retrain:
        record["training"] = {}
        record["scores"] = [s for s in record["scores"] if not s["method"].startswith("dae")]
        for name in MODELS:
            (args.models / f"{name}.npz").unlink(missing_ok=True)
    record["environment"] = environment()
    records.write(path, record)
    denoisers = train(args.models, args.budget, record, path)
    judge(record, path, denoisers, every=args.every, skip=args.skip)
    text = report.markdown(record)
    records.write_text(args.out / "denoise.md", text)
    report.draw(args.out, record, denoisers)
    print(text)


if __name__ == "__main__":
    main()
