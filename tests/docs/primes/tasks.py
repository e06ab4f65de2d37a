"""The task of docs/tutorial.md, as it stands there."""

from tests.kit.examples import blocks_of

blocks_of("docs/tutorial.md", "python")[1].run(globals())
