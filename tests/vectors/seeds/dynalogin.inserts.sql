INSERT INTO public.dynalogin_user (userid, secret, scheme, locked, password) VALUES
	('camille.durand', 'invented-secret-0001', 'TOTP', false, NULL),
	('dominique.morel', 'invented-secret-0002', 'TOTP', false, ''),
	('sasha.petit', 'invented-secret-0003', 'HOTP', false, NULL);
INSERT INTO public.dynalogin_user (userid, secret, scheme, locked, password) VALUES ('locked.agent', 'it''s; (locked)', 'TOTP', true, NULL);
INSERT INTO public.dynalogin_user (userid, secret, scheme, locked, password) VALUES ('prefix.agent', 'invented-secret-0005', 'TOTP', false, '1234');
INSERT INTO public.dynalogin_user (userid, secret, scheme, locked, password) VALUES ('back.slash', 'invented\secret', 'TOTP', false, NULL);
INSERT INTO public.dynalogin_user (userid, secret, scheme, locked, password) VALUES ('no.secret', NULL, 'TOTP', false, NULL);
