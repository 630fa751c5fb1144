-- archive/: han-decode 2026.records | han-fields | han-parquet --partition archive (records have times, octets have none)
-- The figure of a capacity tariff, as in Norway: each month, the mean of the highest hours of the three days that have
-- the highest ones: duckdb < peaks.sql
SET TimeZone = 'Europe/Oslo';
WITH registers AS (
    SELECT meter_ID, time, act_energy_pos
    FROM read_parquet('archive/**/*.parquet', union_by_name=true)
    WHERE act_energy_pos IS NOT NULL
),
hours AS (
    SELECT meter_ID, time - INTERVAL 1 HOUR AS hour, act_energy_pos - lag(act_energy_pos) OVER per_meter AS wh
    FROM registers
    WINDOW per_meter AS (PARTITION BY meter_ID ORDER BY time)
    QUALIFY date_diff('minute', lag(time) OVER per_meter, time) = 60
),
days AS (
    SELECT meter_ID, date_trunc('day', hour) AS day, max(wh) AS peak_wh
    FROM hours
    GROUP BY ALL
)
SELECT
    meter_ID,
    strftime(day, '%Y-%m') AS month,
    round(avg(peak_wh)) AS mean_of_peaks_w,
    string_agg(strftime(day, '%d') || ': ' || peak_wh::BIGINT, ', ' ORDER BY peak_wh DESC) AS peaks_w
FROM (
    FROM days
    QUALIFY row_number() OVER (PARTITION BY meter_ID, date_trunc('month', day) ORDER BY peak_wh DESC, day) <= 3
)
GROUP BY ALL
ORDER BY meter_ID, month;

-- Of a simulated house with solar panels, 21 to 24 June 2026:
-- meter_ID          month    mean_of_peaks_w  peaks_w
-- 7359990000000001  2026-06  6991.0           22: 7907, 24: 7506, 21: 5561
