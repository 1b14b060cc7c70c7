// A peer of the benchmark: Fastify with postgres.js, a cluster of two.  It
// runs the statements that Pando's route runs and passes PostgreSQL's JSON on
// as text.

import cluster from 'node:cluster'
import { readFileSync } from 'node:fs'
import Fastify from 'fastify'
import postgres from 'postgres'

const { port, host, database, user, path, statements } =
  JSON.parse(readFileSync(process.argv[2]))

if (cluster.isPrimary) {
  cluster.fork()
  cluster.fork()
  cluster.on('exit', () => process.exit(1))
} else {
  const text = value => value
  const sql = postgres({
    host, database, user, max: 8,
    types: { json: { to: 114, from: [114, 3802], serialize: text, parse: text } }
  })
  const app = Fastify()
  const schema = {
    params: {
      type: 'object',
      properties: { id: { type: 'string', format: 'uuid' } }
    }
  }

  app.get(`${path}/:id`, { schema }, async (request, reply) => {
    const { id } = request.params
    let rows

    for (const s of statements) {
      const params = s.params.map((value, i) => s.ids[i] ? id : value)
      rows = await sql.unsafe(s.text, params, { prepare: true }).values()

      if (rows.length === 0) {
        return reply.code(404).send()
      }
    }

    return reply.type('application/json').send(rows[0][0])
  })

  await app.listen({ port, host: '127.0.0.1' })
}
