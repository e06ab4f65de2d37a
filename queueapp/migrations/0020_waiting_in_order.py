"""The indexes of waiting jobs follow the order of their places. The one by id goes: no released version reads it."""

from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.db import models
from django.db.models.functions import Coalesce

from queueapp.db.online import OnlineMigration


class Migration(OnlineMigration):

    atomic = False  # CONCURRENTLY: claims go on

    dependencies = [
        ('queueapp', '0019_job_moved_to'),
    ]

    operations = [
        AddIndexConcurrently(
            model_name='waiting',
            index=models.Index(models.F('flow'), Coalesce(models.F('moved_to'), models.F('job_id') * 1048576, output_field=models.BigIntegerField()), models.F('job'), name='waiting_in_order'),
        ),
        AddIndexConcurrently(
            model_name='waiting',
            index=models.Index(condition=models.Q(('moved_to__isnull', False)), fields=['owner', 'moved_to'], name='waiting_moved'),
        ),
        RemoveIndexConcurrently(
            model_name='waiting',
            name='waiting_in_flow',
        ),
    ]
