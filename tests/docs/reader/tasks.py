"""The tasks of the guides, as they stand there."""

from tests.kit.examples import blocks_of

for page, name in (("docs/guides/add-to-your-project.md", "resize"), ("docs/guides/write-a-task.md", "report")):
    next(block for block in blocks_of(page, "python") if f'@task("{name}")' in block.code).run(globals())
