"""What the jobs of a turn declare."""

from django.db import migrations, models

from queueapp.db.online import OnlineMigration


class Migration(OnlineMigration):

    dependencies = [
        ('queueapp', '0006_flow_ratio'),
    ]

    operations = [
        migrations.AddField(
            model_name='processor',
            name='declared',
            field=models.FloatField(db_default=0.0, default=0.0, editable=False, help_text="Processor seconds that the turn's jobs declare."),
        ),
    ]
