"""What a flow's jobs take for each second that they declare."""

from django.db import migrations, models

from queueapp.db.online import OnlineMigration


class Migration(OnlineMigration):

    dependencies = [
        ('queueapp', '0005_outcome_ended'),
    ]

    operations = [
        migrations.AddField(
            model_name='flowstate',
            name='learned_from',
            field=models.FloatField(db_default=0.0, default=0.0, editable=False, help_text='Declared seconds behind the ratio: older turns count less.'),
        ),
        migrations.AddField(
            model_name='flowstate',
            name='ratio',
            field=models.FloatField(db_default=1.0, default=1.0, help_text='Processor seconds that its recent turns took, for each second that their jobs declared.', verbose_name='cost ratio'),
        ),
    ]
