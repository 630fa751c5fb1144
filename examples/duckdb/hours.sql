-- archive/: han-decode 2026.records | han-fields | han-parquet --partition archive (records have times, octets have none)
-- The energy of each hour by the meter's registers, and the hours in which the house drew most: duckdb < hours.sql
-- An hour without its two registers is left out, not guessed.
SET TimeZone = 'Europe/Oslo';
WITH registers AS (
    SELECT meter_ID, time, act_energy_pos AS import_wh, act_energy_neg AS export_wh
    FROM read_parquet('archive/**/*.parquet', union_by_name=true)
    WHERE act_energy_pos IS NOT NULL
)
SELECT
    meter_ID,
    strftime(time - INTERVAL 1 HOUR, '%Y-%m-%d %H:%M') AS hour,
    import_wh - lag(import_wh) OVER per_meter AS import_wh,
    export_wh - lag(export_wh) OVER per_meter AS export_wh
FROM registers
WINDOW per_meter AS (PARTITION BY meter_ID ORDER BY time)
QUALIFY date_diff('minute', lag(time) OVER per_meter, time) = 60
ORDER BY import_wh DESC, meter_ID
LIMIT 8;

-- Of a simulated house with solar panels, 21 to 24 June 2026:
-- meter_ID          hour              import_wh  export_wh
-- 7359990000000001  2026-06-22 01:00  7907.0     0.0
-- 7359990000000001  2026-06-22 00:00  7590.0     0.0
-- 7359990000000001  2026-06-24 23:00  7506.0     0.0
-- 7359990000000001  2026-06-22 22:00  7458.0     0.0
-- 7359990000000001  2026-06-24 22:00  7281.0     0.0
-- 7359990000000001  2026-06-22 23:00  7166.0     0.0
-- 7359990000000001  2026-06-24 21:00  6902.0     0.0
-- 7359990000000001  2026-06-21 23:00  5561.0     0.0
