-- archive/: han-decode 2026.records | han-fields | han-parquet --partition archive (records have times, octets have none)
-- Voltage as EN 50160 judges it, by means of ten minutes: 95 % of them must be within 230 V +- 10 %.
-- duckdb < voltage_quality.sql
WITH volts AS (
    UNPIVOT (
        SELECT meter_ID, time_bucket(INTERVAL 10 MINUTE, time) AS begin, volt_L1, volt_L2, volt_L3
        FROM read_parquet('archive/**/*.parquet', union_by_name=true)
    )
    ON volt_L1, volt_L2, volt_L3 INTO NAME phase VALUE volt
),
means AS (
    SELECT meter_ID, phase, begin, avg(volt) AS mean
    FROM volts
    GROUP BY ALL
)
SELECT
    meter_ID,
    phase[6:] AS phase,
    count(*) AS means,
    round(min(mean), 1) AS lowest_v,
    round(quantile_cont(mean, 0.5), 1) AS median_v,
    round(max(mean), 1) AS highest_v,
    round(100 * avg((mean BETWEEN 207 AND 253)::INT), 1) AS within_percent,
    within_percent >= 95 AS good
FROM means
GROUP BY ALL
ORDER BY ALL;

-- Of a simulated house with solar panels, 21 to 24 June 2026:
-- meter_ID          phase  means  lowest_v  median_v  highest_v  within_percent  good
-- 7359990000000001  L1     577    229.0     231.5     234.1      100.0           True
-- 7359990000000001  L2     577    227.6     231.5     234.2      100.0           True
-- 7359990000000001  L3     577    228.8     231.5     234.1      100.0           True
