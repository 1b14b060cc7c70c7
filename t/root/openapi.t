# The description of the API: it is valid OpenAPI, it tells of all that is
# served and of nothing else, and it is cached well.

use Pando;
use JSON::PP;
use Pando::Peers;

my @domains = ('probe', map { m{/([^/]+)/$} } glob "$Pando::ROOT/modules/*/");
my $p = Pando->new(domains => \@domains,
    http => "pando_tenant $Pando::Token::TENANT; gzip on; "
          . 'gzip_types application/json;',
    server => 'location = /openapi.json { pando_openapi; }'
            . 'location /openapi/ { pando_openapi; }');

my $r = $p->get('/openapi.json');
my $doc = $r->json;

is $r->{status}, 200, 'there is a document';
is $r->header('Content-Type'), 'application/json';
is $r->header('Cache-Control'), 'no-cache';
is $doc->{openapi}, '3.1.0';
is_deeply [ map { $_->{name} } @{ $doc->{tags} } ], \@domains,
    'it tells of each domain';
ok !grep({ !$_->{description} } @{ $doc->{tags} }), 'and what it is for';
ok !grep({ m{^/pando/} } keys %{ $doc->{paths} }),
    'but not of what nodes say to each other';

my $etag = $r->header('ETag');
like $etag, qr/^"[\w-]{22}"$/, 'its tag is strong';
is $p->get('/openapi.json')->header('ETag'), $etag;
is $p->get('/openapi.json', 'If-None-Match' => $etag)->{status}, 304;
is $p->get('/openapi.json', 'If-None-Match' => '"other"')->{status}, 200;
is $p->request('HEAD', '/openapi.json')->{body}, '';
is $p->get('/openapi.json', 'Accept-Encoding' => 'gzip')
     ->header('Content-Encoding'), 'gzip', 'it is compressed';
is $p->post('/openapi.json', {})->{status}, 405;

for my $domain (@domains) {
    my $own = $p->get("/openapi/$domain.json");
    is $own->{status}, 200, "$domain has one of its own";
    is_deeply [ sort keys %{ $own->json->{paths} } ],
        [ sort grep { tagged($_) eq $domain } keys %{ $doc->{paths} } ],
        'with its paths';
    isnt $own->header('ETag'), $etag;
}

for my $path ('/openapi/', '/openapi/none.json', '/openapi/probe',
              '/openapi/PROBE.json')
{
    my $none = $p->get($path);
    is $none->{status}, 404, $path;
    is $none->json->{code}, 'route_not_found';
}


# Operations

my %seen;

for my $path (sort keys %{ $doc->{paths} }) {
    for my $method (sort keys %{ $doc->{paths}{$path} }) {
        operation($method, $path, $doc->{paths}{$path}{$method});
    }
}

sub operation
{
    my ($method, $path, $op) = @_;
    my $id = $op->{operationId};
    my @wrong;
    my %param = map { ("$_->{in} $_->{name}" => $_) }
        map { $_->{'$ref'} ? component($_->{'$ref'}) : $_ }
        @{ $op->{parameters} };
    my $codes = $op->{responses};

    push @wrong, 'its id comes twice' if $seen{$id}++;
    push @wrong, "no parameter $_"
        for grep { !$param{"path $_"} } $path =~ /\{(\w+)\}/g;
    push @wrong, 'no Idempotency-Key'
        if $method eq 'post' && !$param{'header Idempotency-Key'};
    push @wrong, 'no If-Match'
        if $method =~ /put|patch|delete/ && !$param{'header If-Match'};
    push @wrong, "no $_" for grep { !$codes->{$_} } 400, 401, 422, 429, 503;
    push @wrong, 'no 403' if $op->{'x-scope'} ne 'public' && !$codes->{403};
    push @wrong, 'no 404' if $path =~ /\{/ && !$codes->{404};
    push @wrong, "a body and no $_"
        for grep { $op->{requestBody} && !$codes->{$_} } 413, 415;
    push @wrong, 'no success' unless grep { /^[23]/ } keys %$codes;
    push @wrong, 'no limit and cursor'
        if $id =~ /_list_/ && !($param{'query limit'} && $param{'query cursor'});

    is_deeply \@wrong, [], "$method $path";
}

is scalar(keys %seen), routes(), 'every row of every route table is there';

my $add = $doc->{paths}{'/api/v1/probes'}{post};
is $add->{operationId}, 'probe_post_probes';
is_deeply $add->{security}, [ { bearer => ['probe:write'] } ];
is_deeply $add->{'x-emits'}, ['probe.created'];
like $add->{responses}{409}{description}, qr/`name_taken`: another probe/;
is_deeply [ sort keys %{ $add->{responses} } ],
    [ qw(201 400 401 403 409 413 415 422 429 503) ];
is_deeply $doc->{paths}{'/api/v1/probes/greeting'}{get}{security},
    [ {}, { bearer => [] } ], 'public: a token may be there';
is $doc->{'x-problems'}{name_taken}{status}, 409, 'problems are listed';
ok $doc->{'x-events'}{'probe.created'}, 'so are events';

my ($sort) = grep { ($_->{name} // '') eq 'sort' }
    @{ $doc->{paths}{'/api/v1/probes'}{get}{parameters} };
is_deeply $sort->{schema}{enum}, [qw(created_at -created_at name)];


# As others read it

my $path = $p->write('openapi.json', $r->{body});

Pando::Peers::replay('schemas and examples', 'openapi.js', $path);

subtest 'another reader' => sub {
    Pando::Peers::told(Pando::Peers::python('validate.py', $path));
};

my $post = '/api/v1/probes';

for (
    [ 1, 'a response without a description',
      sub { delete $_[0]{paths}{$post}{post}{responses}{201}{description} } ],
    [ 1, 'a method that is none', sub { $_[0]{paths}{$post}{fetch} = {} } ],
    [ 1, 'a path that is none', sub { $_[0]{paths}{probes} = {} } ],
    [ 2, 'a reference that is lost',
      sub { $_[0]{paths}{$post}{post}{responses}{401} = { '$ref' => '#/x' } } ],
    [ 3, 'a type that is none',
      sub { $_[0]{components}{schemas}{ProbeIn}{properties}{name}{type} = 'strin' } ],
    [ 4, 'an example that is not of its schema',
      sub { $_[0]{paths}{$post}{post}{requestBody}{content}{'application/json'}{example} = [] } ],
    [ 5, 'an operation id that comes twice', sub {
        $_[0]{paths}{$post}{post}{operationId} = $_[0]{paths}{$post}{get}{operationId} } ],
    [ 5, 'a body without an example',
      sub { delete $_[0]{paths}{$post}{post}{requestBody}{content}{'application/json'}{example} } ],
) {
    my ($n, $name, $break) = @$_;
    my $broken = decode_json($r->{body});

    $break->($broken);
    my ($said) = Pando::Peers::python('validate.py',
        $p->write('broken.json', encode_json($broken)));
    like $said, qr/^not ok $n /m, "it finds $name";
}

subtest 'redocly lint' => sub {
    my ($home, $why) = Pando::Peers::home();
    my ($version) = Pando::Peers::run('node', '--version');

    plan skip_all => 'no node >= 20.19'
        unless $version =~ /^v(\d+)\.(\d+)/ && ($1 > 20 || $1 == 20 && $2 >= 19);
    return fail($why) unless $home;

    local @ENV{qw(REDOCLY_TELEMETRY REDOCLY_SUPPRESS_UPDATE_NOTICE)}
        = ('off', 'true');
    my ($said) = Pando::Peers::run("$home/node_modules/.bin/redocly", 'lint',
        '--config', "$Pando::ROOT/t/lib/peers/redocly.yaml",
        '--format', 'json', $path);
    my ($json) = $said =~ /^(\{.*^\})/ms;
    my $found = $json && decode_json($json)->{problems};

    ok $found, 'it was read' or diag $said;

    # It does not know that an event's data may be its only use.
    my %told = map { $_->{data}{'$ref'} =~ m{(\w+)$} ? ($1 => 1) : () }
        grep { $_->{data} } values %{ $doc->{'x-events'} };
    my @said = grep { !/^no-unused-components: Component: "(\w+)"/ || !$told{$1} }
        map { "$_->{ruleId}: $_->{message}" } @{ $found // [] };

    is_deeply \@said, [], 'nothing to say';
};




sub component
{
    my ($ref) = @_;
    my ($kind, $name) = $ref =~ m{^#/components/(\w+)/(.+)$};
    return $doc->{components}{$kind}{$name};
}

sub tagged
{
    my ($path) = @_;
    return (values %{ $doc->{paths}{$path} })[0]{tags}[0];
}

# As many as the sources have rows.
sub routes
{
    my $n = 0;

    for my $file (map { glob "$Pando::ROOT/$_" }
                  't/root/domains/probe/*.c', 'modules/*/*.c')
    {
        open my $in, '<', $file or die "$file: $!\n";
        $n += grep { /^    \{ PANDO_(?:GET|POST|PUT|PATCH|DELETE),/ } <$in>;
    }

    return $n;
}

done_testing;
