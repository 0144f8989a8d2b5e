--
-- PostgreSQL database dump
--

SET statement_timeout = 0;
SET standard_conforming_strings = on;

COPY public.dynalogin_user (id, userid, scheme, secret, counter, failure_count, locked, last_success, last_attempt, last_code, password) FROM stdin;
1	camille.durand	TOTP	invented-secret-0001	0	0	0	\N	\N	\N	\N
2	dominique.morel	TOTP	invented-secret-0002	7	1	0	2026-11-02 08:14:05	2026-11-02 08:14:05	492039	
3	sasha.petit	HOTP	invented-secret-0003	0	0	0	\N	\N	\N	\N
4	locked.agent	TOTP	invented-secret-0004	0	9	1	\N	\N	\N	\N
5	prefix.agent	TOTP	invented-secret-0005	0	0	0	\N	\N	\N	1234
6	back.slash	TOTP	invented\\secret	0	0	0	\N	\N	\N	\N
7	no.secret	TOTP	\N	0	0	0	\N	\N	\N	\N
\.

SELECT pg_catalog.setval('public.dynalogin_user_id_seq', 7, true);
