-- What was counted at the centre, and by how much it differed, on which day: decisions, their corrections, and what settled a
-- difference. Above 0 a surplus, below a shortage. Version 1.
CREATE VIEW counted_money AS
SELECT counter_id, decided_on AS day, decided_at AS at, deposit_decision.counted, deposit_decision.difference
  FROM deposit_decision JOIN deposit ON deposit.id = deposit_id WHERE verified
UNION ALL
SELECT counter_id, corrected_on, corrected_at, deposit_correction.counted - counted_before, deposit_correction.difference - difference_before
  FROM deposit_correction JOIN deposit ON deposit.id = deposit_id
UNION ALL
SELECT counter_id, settled_on, settled_at, 0, CASE kind WHEN 'SURPLUS' THEN -settlement.amount WHEN 'SHORTAGE' THEN settlement.amount END
  FROM difference_settlement settlement JOIN deposit ON deposit.id = deposit_id
UNION ALL
SELECT counter_id, reversed_on, reversed_at, 0, CASE kind WHEN 'SURPLUS' THEN settlement.amount WHEN 'SHORTAGE' THEN -settlement.amount END
  FROM settlement_reversal JOIN difference_settlement settlement ON settlement.id = settlement_id JOIN deposit ON deposit.id = deposit_id;
