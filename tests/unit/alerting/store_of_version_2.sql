BEGIN TRANSACTION;
CREATE TABLE alert_group (
	"key" TEXT NOT NULL, 
	receiver TEXT NOT NULL, 
	route TEXT NOT NULL, 
	labels TEXT NOT NULL, 
	anchor_e FLOAT DEFAULT '0' NOT NULL, 
	flush_e FLOAT, 
	last_flush_e FLOAT, 
	notified_e FLOAT, 
	PRIMARY KEY ("key")
);
INSERT INTO "alert_group" VALUES('148bc992cb71502e1b9c4afc2077c947','log','/{}','{"subject_id": "heard"}',0.0,14400.0,0.0,0.0);
INSERT INTO "alert_group" VALUES('f93fded24decadf3cf1c05e504f667a4','log','/{}','{"subject_id": "waits"}',1.0,14401.0,1.0,1.0);
CREATE TABLE alert_state (
	fingerprint TEXT NOT NULL, 
	scope TEXT NOT NULL, 
	subject_kind TEXT NOT NULL, 
	subject_id TEXT NOT NULL, 
	rule TEXT DEFAULT '' NOT NULL, 
	episode INTEGER NOT NULL, 
	phase TEXT NOT NULL, 
	status TEXT NOT NULL, 
	severity TEXT NOT NULL, 
	level INTEGER NOT NULL, 
	since_e FLOAT DEFAULT '0' NOT NULL, 
	seen_e FLOAT DEFAULT '0' NOT NULL, 
	due_e FLOAT, 
	flips TEXT, 
	PRIMARY KEY (fingerprint)
);
INSERT INTO "alert_state" VALUES('5e87e1ec4b8035d354dc9540dacc23c4','rpo','instance','heard','rpo',1,'open','breached','warning',3,0.0,0.0,NULL,NULL);
INSERT INTO "alert_state" VALUES('ce503068134fa9b160558f1262e7c122','rpo','instance','waits','rpo',1,'open','breached','warning',3,1.0,0.0,NULL,NULL);
CREATE TABLE bucket (
	receiver TEXT NOT NULL, 
	tokens FLOAT DEFAULT '0' NOT NULL, 
	at_e FLOAT DEFAULT '0' NOT NULL, 
	PRIMARY KEY (receiver)
);
CREATE TABLE engine_clock (
	id INTEGER NOT NULL, 
	elapsed_e FLOAT DEFAULT '0' NOT NULL, 
	wall DATETIME NOT NULL, 
	boot_id TEXT DEFAULT '' NOT NULL, 
	boot_s FLOAT DEFAULT '0' NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "engine_clock" VALUES(1,1.0,'2026-11-23 05:00:02.000000','',0.0);
CREATE TABLE episode (
	fingerprint TEXT NOT NULL, 
	n INTEGER NOT NULL, 
	rule TEXT NOT NULL, 
	subject_kind TEXT NOT NULL, 
	subject_id TEXT NOT NULL, 
	status TEXT NOT NULL, 
	severity TEXT NOT NULL, 
	team TEXT NOT NULL, 
	labels TEXT NOT NULL, 
	summary TEXT NOT NULL, 
	runbook TEXT NOT NULL, 
	started_at DATETIME NOT NULL, 
	opened_at DATETIME NOT NULL, 
	resolved_at DATETIME, 
	was TEXT DEFAULT '' NOT NULL, 
	value FLOAT, 
	objective FLOAT, 
	unit TEXT DEFAULT '' NOT NULL, 
	fired INTEGER DEFAULT '1' NOT NULL, 
	raised INTEGER DEFAULT '0' NOT NULL, 
	flapping INTEGER DEFAULT '0' NOT NULL, 
	acked_by TEXT DEFAULT '' NOT NULL, 
	ack_until_e FLOAT, 
	chain TEXT DEFAULT '' NOT NULL, 
	step INTEGER DEFAULT '0' NOT NULL, 
	remaining_s FLOAT DEFAULT '0' NOT NULL, 
	resume_e FLOAT, 
	due_e FLOAT, 
	muted_by TEXT DEFAULT '' NOT NULL, 
	PRIMARY KEY (fingerprint, n)
);
INSERT INTO "episode" VALUES('5e87e1ec4b8035d354dc9540dacc23c4',1,'rpo','instance','heard','breached','warning','payments','{}','heard is breached','','2026-11-23 04:30:00.000000','2026-11-23 05:00:01.000000',NULL,'',5400.0,3600.0,'s',1,0,0,'',NULL,'',0,0.0,NULL,NULL,'');
INSERT INTO "episode" VALUES('ce503068134fa9b160558f1262e7c122',1,'rpo','instance','waits','breached','warning','payments','{}','waits is breached','','2026-11-23 04:30:00.000000','2026-11-23 05:00:02.000000',NULL,'',5400.0,3600.0,'s',1,0,0,'',NULL,'',0,0.0,NULL,NULL,'');
CREATE TABLE group_member (
	group_key TEXT NOT NULL, 
	fingerprint TEXT NOT NULL, 
	n INTEGER DEFAULT '0' NOT NULL, 
	active INTEGER DEFAULT '0' NOT NULL, 
	in_last INTEGER DEFAULT '0' NOT NULL, 
	heard INTEGER DEFAULT '0' NOT NULL, 
	told_raised INTEGER DEFAULT '0' NOT NULL, 
	step INTEGER DEFAULT '0' NOT NULL, 
	told_step INTEGER DEFAULT '0' NOT NULL, 
	flushed INTEGER DEFAULT '0' NOT NULL, 
	PRIMARY KEY (group_key, fingerprint)
);
INSERT INTO "group_member" VALUES('148bc992cb71502e1b9c4afc2077c947','5e87e1ec4b8035d354dc9540dacc23c4',1,1,1,1,0,0,0,1);
INSERT INTO "group_member" VALUES('f93fded24decadf3cf1c05e504f667a4','ce503068134fa9b160558f1262e7c122',1,1,1,1,0,0,0,1);
CREATE TABLE journal (
	id INTEGER NOT NULL, 
	at DATETIME NOT NULL, 
	what TEXT NOT NULL, 
	fingerprint TEXT, 
	n INTEGER, 
	rule TEXT, 
	subject_kind TEXT, 
	subject_id TEXT, 
	status TEXT, 
	severity TEXT, 
	evaluation_id TEXT, 
	receiver TEXT, 
	outbox_id INTEGER, 
	detail TEXT, 
	PRIMARY KEY (id)
);
INSERT INTO "journal" VALUES(1,'2026-11-23 05:00:01.000000','opened','5e87e1ec4b8035d354dc9540dacc23c4',1,'rpo','instance','heard','breached','warning','e1',NULL,NULL,NULL);
INSERT INTO "journal" VALUES(2,'2026-11-23 05:00:01.000000','sent',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,'log',1,NULL);
INSERT INTO "journal" VALUES(3,'2026-11-23 05:00:02.000000','opened','ce503068134fa9b160558f1262e7c122',1,'rpo','instance','waits','breached','warning','e2',NULL,NULL,NULL);
CREATE TABLE meta (
	name TEXT NOT NULL, 
	value TEXT NOT NULL, 
	PRIMARY KEY (name)
);
INSERT INTO "meta" VALUES('version','2');
INSERT INTO "meta" VALUES('policy','65992fd771284525');
CREATE TABLE outbox (
	id INTEGER NOT NULL, 
	dedup_key TEXT NOT NULL, 
	receiver TEXT NOT NULL, 
	stream TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	payload TEXT NOT NULL, 
	state TEXT NOT NULL, 
	attempts INTEGER DEFAULT '0' NOT NULL, 
	rank INTEGER DEFAULT '1' NOT NULL, 
	created_at DATETIME NOT NULL, 
	done_at DATETIME, 
	created_e FLOAT DEFAULT '0' NOT NULL, 
	due_e FLOAT DEFAULT '0' NOT NULL, 
	lease_e FLOAT, 
	ref TEXT, 
	error TEXT, 
	PRIMARY KEY (id), 
	UNIQUE (dedup_key)
);
INSERT INTO "outbox" VALUES(1,'5f6e77f2e58dd3b89595a2901ca3cca5','log','148bc992cb71502e1b9c4afc2077c947','opened','{"id": "5f6e77f2e58dd3b89595a2901ca3cca5", "kind": "opened", "rule": "rpo", "team": "payments", "severity": "warning", "total": 1, "counts": {"breached": 1}, "members": [{"fingerprint": "5e87e1ec4b8035d354dc9540dacc23c4", "episode": 1, "subject_kind": "instance", "subject_id": "heard", "status": "breached", "severity": "warning", "value": 5400.0, "objective": 3600.0, "unit": "s", "started_at": "2026-11-23T04:30:00", "summary": "heard is breached", "was": "", "runbook": "", "labels": {}, "acked_by": "", "is_untold": false, "is_flapping": false, "rule": "rpo", "team": "payments"}], "evaluation_id": "5f6e77f2e58dd3b89595a2901ca3cca5", "evaluated_at": "2026-11-23T05:00:01", "undelivered": null, "group": {"subject_id": "heard"}, "others": [], "others_total": 0, "groups": 1, "escalation_step": 0, "by": "", "incident": "a652e7e66b50b1d68e10031152629c28"}','sent',1,1,'2026-11-23 05:00:01.000000','2026-11-23 05:00:01.000000',0.0,0.0,NULL,'',NULL);
INSERT INTO "outbox" VALUES(2,'b24cbd81cad37f4898e24f7d54e21753','log','f93fded24decadf3cf1c05e504f667a4','opened','{"id": "b24cbd81cad37f4898e24f7d54e21753", "kind": "opened", "rule": "rpo", "team": "payments", "severity": "warning", "total": 1, "counts": {"breached": 1}, "members": [{"fingerprint": "ce503068134fa9b160558f1262e7c122", "episode": 1, "subject_kind": "instance", "subject_id": "waits", "status": "breached", "severity": "warning", "value": 5400.0, "objective": 3600.0, "unit": "s", "started_at": "2026-11-23T04:30:00", "summary": "waits is breached", "was": "", "runbook": "", "labels": {}, "acked_by": "", "is_untold": false, "is_flapping": false, "rule": "rpo", "team": "payments"}], "evaluation_id": "b24cbd81cad37f4898e24f7d54e21753", "evaluated_at": "2026-11-23T05:00:02", "undelivered": null, "group": {"subject_id": "waits"}, "others": [], "others_total": 0, "groups": 1, "escalation_step": 0, "by": "", "incident": "74976794ed91c3c87d56f9957481e13e"}','pending',0,1,'2026-11-23 05:00:02.000000',NULL,1.0,1.0,NULL,NULL,NULL);
CREATE TABLE outbox_member (
	outbox_id INTEGER NOT NULL, 
	fingerprint TEXT NOT NULL, 
	n INTEGER NOT NULL, 
	says TEXT DEFAULT 'firing' NOT NULL, 
	PRIMARY KEY (outbox_id, fingerprint)
);
INSERT INTO "outbox_member" VALUES(1,'5e87e1ec4b8035d354dc9540dacc23c4',1,'firing');
INSERT INTO "outbox_member" VALUES(2,'ce503068134fa9b160558f1262e7c122',1,'firing');
CREATE TABLE pause (
	receiver TEXT NOT NULL, 
	until_e FLOAT DEFAULT '0' NOT NULL, 
	PRIMARY KEY (receiver)
);
CREATE TABLE scope (
	name TEXT NOT NULL, 
	rule TEXT DEFAULT '' NOT NULL, 
	seen_e FLOAT DEFAULT '0' NOT NULL, 
	silent INTEGER DEFAULT '0' NOT NULL, 
	PRIMARY KEY (name)
);
INSERT INTO "scope" VALUES('rpo','rpo',1.0,0);
CREATE TABLE seen_evaluation (
	evaluation_id TEXT NOT NULL, 
	rule TEXT NOT NULL, 
	evaluated_at DATETIME NOT NULL, 
	seen_at DATETIME NOT NULL, 
	PRIMARY KEY (evaluation_id, rule)
);
INSERT INTO "seen_evaluation" VALUES('e1','rpo','2026-11-23 05:00:01.000000','2026-11-23 05:00:01.000000');
INSERT INTO "seen_evaluation" VALUES('e2','rpo','2026-11-23 05:00:02.000000','2026-11-23 05:00:02.000000');
CREATE TABLE silence (
	id TEXT NOT NULL, 
	matchers TEXT NOT NULL, 
	starts_at DATETIME NOT NULL, 
	ends_at DATETIME NOT NULL, 
	made_by TEXT NOT NULL, 
	comment TEXT NOT NULL, 
	PRIMARY KEY (id)
);
CREATE TABLE storm (
	receiver TEXT NOT NULL, 
	since_e FLOAT DEFAULT '0' NOT NULL, 
	groups INTEGER DEFAULT '0' NOT NULL, 
	digest INTEGER DEFAULT '0' NOT NULL, 
	PRIMARY KEY (receiver)
);
CREATE INDEX ix_alert_state_scope ON alert_state (scope);
CREATE INDEX alert_state_due ON alert_state (due_e);
CREATE INDEX episode_due ON episode (due_e);
CREATE INDEX episode_open ON episode (resolved_at);
CREATE INDEX alert_group_due ON alert_group (flush_e);
CREATE INDEX group_member_alert ON group_member (fingerprint);
CREATE INDEX outbox_waiting ON outbox (state, receiver, stream, id);
CREATE INDEX outbox_member_episode ON outbox_member (fingerprint, n);
CREATE INDEX seen_evaluation_newest ON seen_evaluation (rule, evaluated_at, evaluation_id);
COMMIT;
