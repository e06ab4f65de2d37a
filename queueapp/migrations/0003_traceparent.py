"""The trace of a job: the traceparent of its submission."""

from django.db import migrations, models

from queueapp.db.online import OnlineMigration


class Migration(OnlineMigration):

    dependencies = [
        ('queueapp', '0002_fleet'),
    ]

    operations = [
        migrations.AddField(
            model_name='job',
            name='traceparent',
            field=models.CharField(editable=False, help_text='The trace of its submission, as W3C Trace Context has it.', max_length=55, null=True),
        ),
    ]
