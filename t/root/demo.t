# What `make run` does, on servers that are there already: the demo profile
# with every domain that there is, its demo data, a token that opens it all,
# and an end that leaves nothing behind.

use Pando;
use HTTP::Tiny;
use JSON::PP;
use Pando::Live;

plan skip_all => "conf/run starts Debian's nginx" if $Pando::SLOW > 1;

my $p = Pando->new(domains => ['probe']);
my ($port, $claim) = Pando::port();
my $http = HTTP::Tiny->new(timeout => 10);
my $log = "$p->{dir}/run.log";
my $token;

sub text { open my $in, '<', $log or return ''; local $/; <$in> // '' }

sub get
{
    my ($path, %head) = @_;
    my $r = $http->get("http://127.0.0.1:$port$path", { headers => \%head });
    return wantarray ? @$r{qw(status content)} : $r->{status};
}

my $pid = fork // die "fork: $!\n";

if (!$pid) {
    @ENV{qw(VAR PORT PROFILE PANDO_DATABASE_URL PANDO_REDIS_URL)} =
        ("$p->{dir}/var", $port, 'demo', $p->{database}, "unix:$p->{redis}");
    open STDOUT, '>', $log;
    open STDERR, '>&', \*STDOUT;
    exec "$Pando::ROOT/conf/run" or die "conf/run: $!\n";
}

ok $p->wait_for(sub { text() =~ /^Ctrl-C ends it/m }, 60), 'it is served' or diag text();
($token) = text() =~ /TOKEN=(\S+)/;
my @domains = split / /, text() =~ /^Pando serves (.*) at /m ? $1 : '';
is_deeply \@domains, [ sort map { m{([^/]+)/$} } glob "$Pando::ROOT/modules/*/" ],
    'every domain that there is';

my ($status, $body) = get('/api/v1/categories?depth=1');
is $status, 200, 'without a token';
ok scalar @{ decode_json($body)->{tree} }, 'the demo data';
is get('/api/v1/webhook-endpoints'), 401;
is get('/api/v1/webhook-endpoints', Authorization => "Bearer $token"), 200, 'with the token';
is get('/api/v1/outbox/readers', Authorization => "Bearer $token"), 200, 'for operators, too';
is get($_), 200, $_ for qw(/openapi.json /asyncapi.json /docs);
ok $p->wait_for(sub { get('/readyz') == 200 }, 30), 'it gets ready';

my %as = (Authorization => "Bearer $token", 'Content-Type' => 'application/json');
my $mail = $http->post("http://127.0.0.1:$port/api/v1/email/messages", { headers => \%as,
    content => '{"to": "ada@example.com", "template": "welcome",
                 "data": {"name": "Ada", "place": "Cafe Aspen"}}' });
is $mail->{status}, 202, 'a mail is sent' or diag $mail->{content};
my $view = '/api/v1/email/outbox/' . (decode_json($mail->{content})->{id} // 0) . '/view';
ok $p->wait_for(sub { get($view, %as) == 200 }, 30), 'and shown at a URL';
like +(get($view, %as))[1], qr/<h1>Welcome, Ada<.*Cafe Aspen is looking forward/, 'as it looks';

# What comes of a change: a signed delivery, a mail, an inbox, a message to who listens

my $tenant = '01900000-0000-7000-8000-00000000000a';
my $json = JSON::PP->new->utf8;
my $api = sub {
    my ($path, $in) = @_;
    my $r = $http->request($in ? 'POST' : 'GET', "http://127.0.0.1:$port/api/v1$path",
        { headers => \%as, $in ? (content => $json->encode($in)) : () });
    die "$path: $r->{status} $r->{content}\n" unless $r->{success};
    return $json->decode($r->{content});
};
my $live = Pando::Live->socket(bless({ port => $port }, 'Pando::Client'),
    '/api/v1/realtime/ws', token => $token);
$live->say($json->encode({ id => 1, type => 'subscribe',
    channel => "tenant:$tenant:categories" }));
like $live->hear->{text}, qr/"type":\s*"reply"/, 'a socket listens';
my $hook = $api->('/webhook-endpoints', { url => "http://127.0.0.1:$port/demo/receiver",
    event_types => ['taxonomy_category.*'] });
my $taxonomy = $api->('/taxonomies')->{data}[0]{id};
my $added = $api->('/categories', { taxonomy_id => $taxonomy, name => 'Teahouses' });

my $heard = $json->decode(($live->hear(30) // {})->{text} // '{}');
is $heard->{data}{subject} // $heard->{data}{id}, $added->{id}, 'it hears of the change'
    or diag explain $heard;
my $received = "$p->{dir}/var/nginx/logs/receiver.log";
ok $p->wait_for(sub { -s $received }, 30), 'a delivery is received';
open my $in, '<', $received or die;
my $said = $json->decode(scalar <$in>);
my $message = $api->("/webhook-messages/$said->{'webhook-id'}");
is $message->{payload}{subject}, $added->{id}, 'of that change';
like $said->{'webhook-signature'}, qr/^v1,\S{44}$/, 'and signed';
my @mails;
ok $p->wait_for(sub { @mails = grep { ($_->{subject} // '') =~ /teahouses/i }
    @{ $api->('/email/outbox')->{data} } }, 30), 'a mail is captured';
ok $p->wait_for(sub { grep { $_->{title} =~ /teahouses/i }
    @{ $api->('/notifications')->{data} } }, 30), 'and the inbox has it';
undef $live;

kill 'TERM', $pid;                      # where a shell ignores INT, so does its child
ok $p->wait_for(sub { waitpid($pid, 1) == $pid }, 30), 'told to, it ends' and $pid = 0;
ok !IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port), 'and nobody listens';
unlike $p->log('var/nginx/logs/error.log'), qr/\[(?:alert|emerg|crit)\]/, 'nothing is wrong';

END { local $?; kill 'TERM', $pid if $pid && kill 0, $pid }

done_testing;
