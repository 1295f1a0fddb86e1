-- Accounts and scripts' tokens as they may be shown: without hashes and secrets.

CREATE OR REPLACE VIEW account AS
SELECT id, username, name, role, active, created_at, one_time_until IS NOT NULL AS must_change_password,
       totp_secret IS NOT NULL AS two_step,
       (SELECT max(used_at) FROM access_token JOIN sign_in ON sign_in.id = sign_in_id WHERE user_id = app_user.id) AS last_used_at
  FROM app_user WHERE NOT service;

CREATE OR REPLACE VIEW service_account AS
SELECT app_user.id, app_user.name, role, active AND sign_in.revoked_at IS NULL AS active, sign_in.created_at, sign_in.expires_at,
       (SELECT max(used_at) FROM access_token WHERE sign_in_id = sign_in.id) AS last_used_at
  FROM app_user
  JOIN LATERAL (SELECT * FROM sign_in WHERE user_id = app_user.id ORDER BY id DESC LIMIT 1) sign_in ON true
 WHERE service;
