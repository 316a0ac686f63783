import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isAirgapError } from '../../src/errors.js';
import { roleStatements, statementsAbout } from '../../src/recovery/globals.js';

const DUMP = `--
-- PostgreSQL database cluster dump
--
\\restrict abc123
SET default_transaction_read_only = off;

CREATE ROLE backend;
ALTER ROLE backend WITH NOSUPERUSER LOGIN PASSWORD 'SCRAM-SHA-256$4096:a$b:c';
CREATE ROLE "odd ""Role";
ALTER ROLE "odd ""Role" WITH LOGIN PASSWORD 'SCRAM-SHA-256$4096:d$e:f';
ALTER ROLE grafana SET search_path TO 'grafana';
GRANT backend TO "odd ""Role" GRANTED BY postgres;
\\unrestrict abc123
`;

describe('roles of a backup', () => {
  it('makes on a server that others use only what a restore needs, with what that is a member of', () => {
    const existing = new Set(['postgres']);
    const all = roleStatements(`${DUMP}CREATE ROLE other;\nGRANT other TO backend;\n`, existing);
    assert.deepEqual(statementsAbout(all, new Set(['odd "Role']), new Set(['postgres', 'other'])), [
      'CREATE ROLE backend;',
      "ALTER ROLE backend WITH NOSUPERUSER LOGIN PASSWORD 'SCRAM-SHA-256$4096:a$b:c';",
      'CREATE ROLE "odd ""Role";',
      `ALTER ROLE "odd ""Role" WITH LOGIN PASSWORD 'SCRAM-SHA-256$4096:d$e:f';`,
      'GRANT backend TO "odd ""Role";',
      'GRANT other TO backend;',
    ]);
  });

  it('makes those that are missing and leaves the passwords of those that are there', () => {
    assert.deepEqual(roleStatements(DUMP, new Set(['backend', 'grafana'])), [
      'ALTER ROLE backend WITH NOSUPERUSER LOGIN;',
      'CREATE ROLE "odd ""Role";',
      `ALTER ROLE "odd ""Role" WITH LOGIN PASSWORD 'SCRAM-SHA-256$4096:d$e:f';`,
      "ALTER ROLE grafana SET search_path TO 'grafana';",
      'GRANT backend TO "odd ""Role" GRANTED BY postgres;',
    ]);
  });

  it('threat 126: takes no commands of psql and no other statements', () => {
    const hostile = [
      '\\! id',
      '\\copy x to program',
      'DROP DATABASE backend;',
      "COPY x TO PROGRAM 'id';",
      'CREATE ROLE a; DROP ROLE b;',
      'SELECT 1;',
      'ALTER ROLE a WITH LOGIN; DROP DATABASE backend;',
      'ALTER ROLE a WITH LOGIN \\! id;',
      'COMMENT ON ROLE a IS $$x$$;',
    ];
    for (const line of hostile)
      assert.throws(
        () => roleStatements(`${line}\n`, new Set()),
        (error) => isAirgapError(error, 'RESTORE_FAILED'),
        line,
      );
  });
});
