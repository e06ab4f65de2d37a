"""The table of allowances."""

from django.db import migrations, models

from queueapp.db.online import OnlineMigration


class Migration(OnlineMigration):
    initial = True
    dependencies = []
    operations = [
        migrations.CreateModel(
            name="Allowance",
            fields=[
                (
                    "key",
                    models.CharField(
                        help_text="Kind of allowance, and whose.", max_length=100, primary_key=True, serialize=False
                    ),
                ),
                ("whole_at", models.DateTimeField()),
            ],
        ),
        # Room on each page for the next version of its rows: an update then touches no index.
        migrations.RunSQL(
            "ALTER TABLE limits_allowance SET UNLOGGED; ALTER TABLE limits_allowance SET (fillfactor = 50);",
            migrations.RunSQL.noop,
        ),
    ]
