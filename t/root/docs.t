# The documentation: one page that needs nothing from elsewhere, may run only
# what is its own, and tells what each problem means, script or no script.

use Pando;
use Digest::SHA qw(sha256_base64);
use JSON::PP;

my @domains = map { m{/([^/]+)/$} } glob "$Pando::ROOT/modules/*/";
open my $in, '<', "$Pando::ROOT/conf/nginx.conf" or die "nginx.conf: $!\n";
my $server = join ' ', grep { /location .*\{ pando_(?:docs|openapi); \}/ } <$in>;
my $p = Pando->new(domains => [ 'probe', @domains ], server => $server,
    http => "pando_tenant $Pando::Token::TENANT; gzip on;");
my $r = $p->get('/docs');
my $page = $r->{body};

is $r->{status}, 200, 'there is a page';
is $r->header('Content-Type'), 'text/html; charset=utf-8';
is $r->header('X-Content-Type-Options'), 'nosniff';
is $r->header('Referrer-Policy'), 'no-referrer';
is $r->header('Cache-Control'), 'no-cache';
cmp_ok -s "$Pando::ROOT/lua-free-handlers/docs.html", '<=', 60 * 1024, 'it is small';


# Only what is its own

my ($script, @more) = $page =~ m{<script>(.*?)</script>}gs;
my ($style) = $page =~ m{<style>(.*?)</style>}s;
my %policy = map { split / /, $_, 2 } split /; /, $r->header('Content-Security-Policy');

is_deeply \%policy, {
    'default-src' => "'none'", 'img-src' => 'data:', 'connect-src' => "'self'",
    'base-uri' => "'none'", 'form-action' => "'none'", 'frame-ancestors' => "'none'",
    'script-src' => "'sha256-" . sha256_base64($script) . "='",
    'style-src' => "'sha256-" . sha256_base64($style) . "='",
}, 'the policy lets run what is in the page, and nothing else';

is scalar @more, 0, 'there is one script';
unlike $page, qr/<(?:script|style|iframe|object|embed|form|base)\s/, 'and no element with a source';
unlike $page, qr/\s(?:on\w+|style)="/, 'no code and no style in an attribute';
unlike $page =~ s{xmlns='http://www\.w3\.org/2000/svg'}{}r, qr{https?:|[^:]//[a-z]+\.}i,
    'it names no other host';
unlike $page, qr/\b(?:innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval|localStorage|
    sessionStorage|cookie)\b/x, 'text goes into it as text, and the token nowhere else';


# Each problem leads to its text

my $doc = $p->get('/openapi.json')->json;
my %problems = %{ $doc->{'x-problems'} };
my $said = $p->get('/docs/problems')->{body};
my %told = $said =~ m{<article id="(\w+)"><h3><b>\d+</b> <code>\w+</code></h3><p>(.+?)</p>}g;

$told{$_} =~ s/&lt;/</g, $told{$_} =~ s/&amp;/&/g for keys %told;
is_deeply \%told, { map { $_ => $problems{$_}{text} } keys %problems },
    'all that the document knows, and no more';
is scalar(() = $said =~ /<article /g), scalar keys %problems, 'each once';

my $answer = $p->get('/api/v1/probes')->json;
is $p->get($answer->{type} =~ s/#.*//r)->{status}, 200, 'a problem leads to the page';
ok $told{ $answer->{type} =~ s/.*#//r }, 'and to its text there';

my %types;
types($doc);
is_deeply [ grep { !m{^/docs/problems#(\w+)$} || !$told{$1} } sort keys %types ], [],
    'so does each type that the document shows';
cmp_ok scalar keys %types, '>', 10;

sub types
{
    my ($node) = @_;

    if (ref $node eq 'HASH') {
        $types{ $node->{type} } = 1 if defined $node->{code} && defined $node->{request_id}
            && !ref $node->{type};
        types($_) for values %$node;
    } elsif (ref $node eq 'ARRAY') {
        types($_) for @$node;
    }
}


# As any page

my $etag = $r->header('ETag');
like $etag, qr/^"[\w-]{22}"$/, 'its tag is strong';
is $p->get('/docs', 'If-None-Match' => $etag)->{status}, 304;
is $p->get('/docs', 'If-None-Match' => '"other"')->{status}, 200;
is $p->request('HEAD', '/docs')->{body}, '';
is $p->get('/docs', 'Accept-Encoding' => 'gzip')->header('Content-Encoding'), 'gzip';

for my $method (qw(POST PUT PATCH DELETE)) {
    my $no = $p->request($method, '/docs', body => {});
    is $no->{status}, 405, $method;
    is $no->header('Allow'), 'GET, HEAD';
    is $no->json->{code}, 'method_not_allowed';
}

my $bare = Pando->new(domains => [], start => 0, server => 'location = /docs { pando_docs; }');
$bare->expect(qr/"pando_docs" shows/);
my ($why, $fine) = $bare->check;
ok !$fine, 'without a document there is nothing to show';
like $why, qr/"pando_docs" shows what "pando_openapi" tells: .* in .*nginx\.conf:\d+/,
    'and nginx -t says so';

done_testing;
