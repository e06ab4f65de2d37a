"""The task of docs/tutorial.md, as it stands there."""

from tests.kit.examples import blocks, run

PAGE = "docs/tutorial.md"
run(blocks(PAGE)[1], PAGE, globals())
