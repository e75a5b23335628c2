"""Images cleaned by `ImageDenoiser` and by hand-made filters: ``python -m bench.denoise``.

models.py      the models, what each is trained on, and their training within a budget
cases.py       images, and their noisy copies
filters.py     the hand-made filters, and the settings each may be tuned over
judging.py     tuning of the filters; PSNR, SSIM and time of every method on every case
scores.py      means of what was judged
report.py      denoise.md, and the images
ablation.py    one change of the recipe after another
__main__.py    the command
"""
