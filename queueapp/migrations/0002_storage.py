"""What the models cannot say: the number of outcomes, and room on pages for rows that change with every turn."""

from django.db import migrations

HOT = {"queueapp_flow": 50, "queueapp_processor": 20}


class Migration(migrations.Migration):
    dependencies = [("queueapp", "0001_initial")]

    operations = [
        migrations.RunSQL("CREATE SEQUENCE queueapp_outcome_number", "DROP SEQUENCE queueapp_outcome_number"),
        *(
            migrations.RunSQL(
                f"ALTER TABLE {table} SET (fillfactor = {percent}, autovacuum_vacuum_scale_factor = 0.05)",
                f"ALTER TABLE {table} RESET (fillfactor, autovacuum_vacuum_scale_factor)",
            )
            for table, percent in HOT.items()
        ),
        # Every row of this table is deleted soon after it was made.
        migrations.RunSQL(
            "ALTER TABLE queueapp_waiting SET (autovacuum_vacuum_scale_factor = 0.02,"
            " autovacuum_vacuum_cost_delay = 0)",
            "ALTER TABLE queueapp_waiting RESET (autovacuum_vacuum_scale_factor, autovacuum_vacuum_cost_delay)",
        ),
    ]
