-- archive/: han-decode 2026.records | han-fields | han-parquet --partition archive (records have times, octets have none)
-- How much of its solar energy a house uses itself: duckdb < self_consumption.sql
-- Needs two meters: the one at the grid, and the one of the solar plant, which counts what the plant gives.
SET TimeZone = 'Europe/Oslo';
SET VARIABLE grid = '7359990000000001';
SET VARIABLE plant = '7359990000000002';
WITH ends AS (
    SELECT
        -- The register of midnight ends a day; the archive's own column day is in UTC.
        date_trunc('day', time - INTERVAL 1 MINUTE) AS local_day,
        max(act_energy_pos) FILTER (meter_ID = getvariable('grid')) AS import_wh,
        max(act_energy_neg) FILTER (meter_ID = getvariable('grid')) AS export_wh,
        max(act_energy_neg) FILTER (meter_ID = getvariable('plant')) AS solar_wh
    FROM read_parquet('archive/**/*.parquet', union_by_name=true)
    GROUP BY local_day
),
days AS (
    SELECT
        local_day,
        import_wh - lag(import_wh) OVER by_day AS import_wh,
        export_wh - lag(export_wh) OVER by_day AS export_wh,
        solar_wh - lag(solar_wh) OVER by_day AS solar_wh
    FROM ends
    WINDOW by_day AS (ORDER BY local_day)
    QUALIFY lag(local_day) OVER by_day IS NOT NULL
)
SELECT
    strftime(local_day, '%Y-%m-%d') AS local_day,
    import_wh,
    export_wh,
    solar_wh,
    round(100 * (solar_wh - export_wh) / solar_wh, 1) AS self_consumed_percent,
    round(100 * (solar_wh - export_wh) / (solar_wh - export_wh + import_wh), 1) AS self_supplied_percent
FROM days
ORDER BY local_day;

-- Of a simulated house with solar panels, 21 to 24 June 2026:
-- local_day   import_wh  export_wh  solar_wh  self_consumed_percent  self_supplied_percent
-- 2026-06-21  11361.0    27830.0    32730.0   15.0                   30.1
-- 2026-06-22  35049.0    26125.0    31025.0   15.8                   12.3
-- 2026-06-23  11569.0    26503.0    31403.0   15.6                   29.8
-- 2026-06-24  27338.0    28340.0    33240.0   14.7                   15.2
