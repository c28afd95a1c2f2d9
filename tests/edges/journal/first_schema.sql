BEGIN TRANSACTION;
CREATE TABLE alembic_version (
    version_num VARCHAR(32) NOT NULL,
    CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0001');
CREATE TABLE events (
    sequence INTEGER NOT NULL,
    at TEXT NOT NULL,
    kind TEXT NOT NULL,
    environment TEXT NOT NULL,
    application TEXT NOT NULL,
    because TEXT NOT NULL,
    data TEXT NOT NULL,
    previous TEXT NOT NULL,
    hash TEXT NOT NULL,
    PRIMARY KEY (sequence)
);
INSERT INTO "events" VALUES(1,'2026-01-01T10:00:00Z','held','production','web','x','[["reason", "refused"]]','','c9c236820063fd3c5a4520bb4e9054a514c395b7acc08e304661e2d9c0fe3754');
CREATE TABLE intents (
    operation TEXT NOT NULL,
    environment TEXT NOT NULL,
    application TEXT NOT NULL,
    verb TEXT NOT NULL,
    subject TEXT NOT NULL,
    manifest_digest TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    rollout TEXT NOT NULL,
    at TEXT NOT NULL,
    result TEXT,
    because TEXT NOT NULL,
    settled_at TEXT,
    PRIMARY KEY (operation),
    FOREIGN KEY(epoch) REFERENCES leadership (epoch)
);
INSERT INTO "intents" VALUES('1','production','web','apply','apps/Deployment/shop/web','manifest-b',1,'r1','2026-01-01T10:00:00Z','done','configured','2026-01-01T12:00:00.000Z');
INSERT INTO "intents" VALUES('2','production','web','push','cccccccccccccccccccccccccccccccccccccccc','manifest-b',1,'r1','2026-01-01T10:00:00Z',NULL,'',NULL);
CREATE TABLE inventory (
    environment TEXT NOT NULL,
    application TEXT NOT NULL,
    object TEXT NOT NULL,
    uid TEXT NOT NULL,
    manifest_digest TEXT NOT NULL,
    entry TEXT NOT NULL,
    resource_version TEXT NOT NULL,
    rollout TEXT NOT NULL,
    drifted BOOLEAN NOT NULL,
    PRIMARY KEY (environment, application, object)
);
INSERT INTO "inventory" VALUES('production','web','apps/Deployment/shop/web','uid-1','manifest-b','{"f:spec":{}}','42','r1',1);
CREATE TABLE leadership (
    epoch INTEGER NOT NULL,
    holder TEXT NOT NULL,
    since TEXT NOT NULL,
    PRIMARY KEY (epoch)
);
INSERT INTO "leadership" VALUES(1,'a','2026-01-01T12:00:00.000Z');
CREATE TABLE meta (
    installation TEXT NOT NULL,
    created_at TEXT NOT NULL,
    PRIMARY KEY (installation)
);
INSERT INTO "meta" VALUES('f89ab3a2-74c5-4b1f-9f59-7a4096c79f3b','2026-01-01T12:00:00.000Z');
CREATE TABLE requests (
    sequence INTEGER NOT NULL,
    id TEXT NOT NULL,
    kind TEXT NOT NULL,
    environment TEXT NOT NULL,
    application TEXT NOT NULL,
    who TEXT NOT NULL,
    why TEXT NOT NULL,
    at TEXT NOT NULL,
    argument TEXT NOT NULL,
    answer TEXT NOT NULL,
    PRIMARY KEY (sequence),
    UNIQUE (id)
);
INSERT INTO "requests" VALUES(1,'z','sync','production','web','ann','because I can','2026-01-01T10:00:00Z','argument','');
CREATE TABLE rollouts (
    id TEXT NOT NULL,
    environment TEXT NOT NULL,
    application TEXT NOT NULL,
    purpose TEXT NOT NULL,
    revision TEXT NOT NULL,
    input_digest TEXT NOT NULL,
    phase TEXT NOT NULL,
    started_at TEXT NOT NULL,
    ended_at TEXT,
    outcome TEXT NOT NULL,
    because TEXT NOT NULL,
    PRIMARY KEY (id)
);
INSERT INTO "rollouts" VALUES('r1','production','web','revert','aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa','input-a','quieting','2026-01-01T10:00:00Z',NULL,'','the release b failed');
CREATE TABLE targets (
    environment TEXT NOT NULL,
    application TEXT NOT NULL,
    shape INTEGER NOT NULL,
    ledger TEXT NOT NULL,
    outcome TEXT NOT NULL,
    hold TEXT NOT NULL,
    revision TEXT NOT NULL,
    last_good TEXT NOT NULL,
    PRIMARY KEY (environment, application)
);
INSERT INTO "targets" VALUES('production','web',2,'{"target":["production","web"],"present":{"revision":"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb","input_digest":"input-b","manifest_digest":"manifest-b","complete":true},"last_good":{"revision":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","input_digest":"input-a","manifest_digest":"manifest-a","at":"2026-01-01T10:00:00Z","rollout":""},"earlier":[{"revision":"0000000000000000000000000000000000000000","input_digest":"input-0","manifest_digest":"manifest-0","at":"2026-01-01T10:00:00Z","rollout":"r0"}],"quarantined":[{"input_digest":"input-b","revision":"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb","because":"crashed","at":"2026-01-01T10:00:00Z","rollout":"r1","by":"alice"}],"rollout":{"id":"r1","target":["production","web"],"purpose":"revert","revision":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","input_digest":"input-a","manifest_digest":"manifest-a","because":"the release b failed","started_at":"2026-01-01T10:00:00Z","phase":"quieting","spent":1.25,"clock":77.5,"failure":{"revision":"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb","input_digest":"input-b","because":"web crashed 3 times: exit 1","asked_by":""},"wave":[-1,2],"settled":[-1,2],"ran":[{"phase":"hooks-before","key":["apps","Deployment","shop","web"],"uid":"uid-of-a-job"}],"below":3,"failing":"its hooks for that run","undoes":"r0","unproven":true,"unwell":0.5,"unwell_since":77.0,"blind":2.5,"blind_since":99.0,"quieted":[["apps","Deployment","shop","web"],["","Namespace","","shop"]],"unblocked":["uid-of-a-pod"]},"git_revert":{"failed":{"revision":"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb","input_digest":"input-b","because":"web crashed 3 times: exit 1","asked_by":""},"good":{"revision":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","input_digest":"input-a","manifest_digest":"manifest-a","at":"2026-01-01T10:00:00Z","rollout":""},"paths":["x/y"],"step":"intended","because":"made","commit":"cccccccccccccccccccccccccccccccccccccccc","parent":"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"},"hold":{"reason":"refused","because":"quota “small” ✗","revision":"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb","digest":"input-b"},"pause":{"who":"ann","why":"a\nfreeze","at":"2026-01-01T10:00:00Z"},"stopped":"the revert failed too","confirmations":[{"revision":"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb","who":"ann","at":"2026-01-01T10:00:00Z"}],"accepted_history":"dddddddddddddddddddddddddddddddddddddddd","deployed":"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb","failed_at":"2026-01-01T10:00:00Z","brake_off":"r0","doubted":[["apps","Deployment","shop","web"]],"gone":"orphaned","outcome":"held","because":"held","since":"2026-01-01T10:00:00Z"}','held','refused','bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb','aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa');
CREATE INDEX inventory_by_object ON inventory (object);
CREATE INDEX intents_open ON intents (environment, application) WHERE result IS NULL;
CREATE INDEX requests_by_answer ON requests (answer, sequence);
CREATE INDEX rollouts_by_target ON rollouts (environment, application, started_at);
CREATE INDEX events_by_target ON events (environment, application, sequence);
CREATE TRIGGER events_refuse_update BEFORE UPDATE ON events BEGIN SELECT RAISE(ABORT, 'events are only ever appended'); END;
CREATE TRIGGER events_refuse_delete BEFORE DELETE ON events BEGIN SELECT RAISE(ABORT, 'events are only ever appended'); END;
COMMIT;
