-- The one way to round in SQL: numerator / denominator to the nearest whole, halves up. Exact: numeric division isn't used.
CREATE OR REPLACE FUNCTION half_up(numerator numeric, denominator numeric) RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN div(2 * numerator + denominator, 2 * denominator)::bigint;
