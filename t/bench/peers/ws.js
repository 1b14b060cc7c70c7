// WebSockets by ws, one process per core: what is published to one of them is
// passed on to all by the first one.

import cluster from 'node:cluster';
import http from 'node:http';
import { readFileSync } from 'node:fs';
import { WebSocketServer } from 'ws';

const { port } = JSON.parse(readFileSync(process.env.PEER, 'utf8'));

if (cluster.isPrimary) {
    const workers = [cluster.fork(), cluster.fork()];

    for (const worker of workers) {
        worker.on('message', (text) => workers.forEach((w) => w.send(text)));
    }

    process.on('SIGTERM', () => {
        workers.forEach((worker) => worker.kill());
        process.exit(0);
    });
} else {
    const server = http.createServer((request, response) => {
        let body = '';

        request.on('data', (part) => { body += part; });
        request.on('end', () => {
            process.send(body);
            response.writeHead(204).end();
        });
    });
    const sockets = new WebSocketServer({ server, path: '/ws', perMessageDeflate: false });

    process.on('message', (text) => {
        for (const socket of sockets.clients) {
            socket.send(text);
        }
    });
    server.listen(port, '127.0.0.1');
}
