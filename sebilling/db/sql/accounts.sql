-- Accounts and scripts' tokens as they may be shown: without hashes and secrets.

-- The caller's own account, of a person or a script.
CREATE OR REPLACE VIEW account AS
SELECT id, username, role FROM app_user;

CREATE OR REPLACE VIEW service_account AS
SELECT app_user.id, app_user.name, role, active AND sign_in.revoked_at IS NULL AS active, sign_in.created_at, sign_in.expires_at,
       (SELECT max(used_at) FROM access_token WHERE sign_in_id = sign_in.id) AS last_used_at
  FROM app_user
  JOIN LATERAL (SELECT * FROM sign_in WHERE user_id = app_user.id ORDER BY id DESC LIMIT 1) sign_in ON true
 WHERE service;
