"""The groups of libraries that are published without saying theirs, told by their name and classes.

What Gradle and Ant build has no pom.properties, and an artifact without its group is found in no
advisory. A group is only given to an archive that has the artifact's name and its classes.
"""

from collections.abc import Callable
from typing import NamedTuple


class _Known(NamedTuple):
    artifact: str  # whole, or what it begins with where this ends with "-" or "_"
    group: str
    classes: bytes  # the folder they lie in


_ASF = b"org/apache/"
_SPRING = b"org/springframework/"
# The older half of Apache Commons, each in a group of its own name.
_COMMONS = """beanutils cli codec collections configuration dbcp digester discovery el email
fileupload httpclient io jelly jexl jxpath lang logging modeler net pool validator"""

# Of those that fit the longest counts, and of the same the first whose classes are there.
_KNOWN = [
    *(
        _Known(f"commons-{name}", f"commons-{name}", b"org/apache/commons/%b/" % name.encode())
        for name in _COMMONS.split()
    ),
    _Known("ant", "org.apache.ant", b"org/apache/tools/ant/"),
    _Known("ant-", "org.apache.ant", b"org/apache/tools/ant/"),
    _Known("asm", "org.ow2.asm", b"org/objectweb/asm/signature/"),
    _Known("asm-", "org.ow2.asm", b"org/objectweb/asm/"),
    _Known("bcjmail-", "org.bouncycastle", b"org/bouncycastle/"),
    _Known("bcmail-", "org.bouncycastle", b"org/bouncycastle/"),
    _Known("bcpg-", "org.bouncycastle", b"org/bouncycastle/"),
    _Known("bcpkix-", "org.bouncycastle", b"org/bouncycastle/"),
    _Known("bcprov-", "org.bouncycastle", b"org/bouncycastle/"),
    _Known("bctls-", "org.bouncycastle", b"org/bouncycastle/"),
    _Known("bcutil-", "org.bouncycastle", b"org/bouncycastle/"),
    _Known("c3p0", "com.mchange", b"com/mchange/v2/c3p0/"),
    _Known("checker-qual", "org.checkerframework", b"org/checkerframework/"),
    _Known("elasticsearch", "org.elasticsearch", b"org/elasticsearch/"),
    _Known("elasticsearch-", "org.elasticsearch", b"org/elasticsearch/"),
    _Known("graphql-java", "com.graphql-java", b"graphql/schema/"),
    _Known("grpc-", "io.grpc", b"io/grpc/"),
    _Known("h2", "com.h2database", b"org/h2/"),
    _Known("hibernate-core", "org.hibernate", b"org/hibernate/criterion/"),
    _Known("hibernate-core", "org.hibernate.orm", b"org/hibernate/query/sqm/"),
    _Known("hsqldb", "org.hsqldb", b"org/hsqldb/"),
    _Known("htmlunit", "net.sourceforge.htmlunit", b"com/gargoylesoftware/htmlunit/"),
    _Known("htmlunit", "org.htmlunit", b"org/htmlunit/"),
    _Known("ivy", "org.apache.ivy", b"org/apache/ivy/"),
    _Known("jackson-core-asl", "org.codehaus.jackson", b"org/codehaus/jackson/"),
    _Known("jackson-jaxrs", "org.codehaus.jackson", b"org/codehaus/jackson/"),
    _Known("jackson-mapper-asl", "org.codehaus.jackson", b"org/codehaus/jackson/"),
    _Known("jackson-xc", "org.codehaus.jackson", b"org/codehaus/jackson/"),
    _Known("jdom2", "org.jdom", b"org/jdom2/"),
    _Known("jna", "net.java.dev.jna", b"com/sun/jna/"),
    _Known("jna-platform", "net.java.dev.jna", b"com/sun/jna/"),
    _Known("json", "org.json", b"org/json/"),
    _Known("junit", "junit", b"junit/framework/"),
    _Known("jython-standalone", "org.python", b"org/python/"),
    _Known("kafka-", "org.apache.kafka", b"org/apache/kafka/"),
    _Known("kafka_", "org.apache.kafka", b"kafka/"),
    _Known("kotlin-", "org.jetbrains.kotlin", b"kotlin/"),
    _Known("kotlinx-", "org.jetbrains.kotlinx", b"kotlinx/"),
    _Known("ktor-", "io.ktor", b"io/ktor/"),
    _Known("lucene-", "org.apache.lucene", b"org/apache/lucene/"),
    _Known("lz4-java", "org.lz4", b"net/jpountz/"),
    _Known("mysql-connector-j", "com.mysql", b"com/mysql/"),
    _Known("mysql-connector-java", "mysql", b"com/mysql/"),
    _Known("okhttp", "com.squareup.okhttp3", b"okhttp3/"),
    _Known("okio", "com.squareup.okio", b"okio/"),
    _Known("opensearch", "org.opensearch", b"org/opensearch/"),
    _Known("opensearch-", "org.opensearch", b"org/opensearch/"),
    _Known("postgresql", "org.postgresql", b"org/postgresql/"),
    _Known("rhino", "org.mozilla", b"org/mozilla/javascript/"),
    _Known("serializer", "xalan", b"org/apache/xml/serializer/"),
    _Known("solr-", "org.apache.solr", b"org/apache/solr/"),
    _Known("spring-", "org.springframework", _SPRING),
    _Known("spring-amqp", "org.springframework.amqp", _SPRING),
    _Known("spring-batch-", "org.springframework.batch", _SPRING),
    _Known("spring-boot", "org.springframework.boot", _SPRING),
    _Known("spring-boot-", "org.springframework.boot", _SPRING),
    _Known("spring-boot-starter", "org.springframework.boot", b"META-INF/"),
    _Known("spring-boot-starter-", "org.springframework.boot", b"META-INF/"),
    _Known("spring-cloud-", "org.springframework.cloud", _SPRING),
    _Known("spring-data-", "org.springframework.data", _SPRING),
    _Known("spring-graphql", "org.springframework.graphql", _SPRING),
    _Known("spring-hateoas", "org.springframework.hateoas", _SPRING),
    _Known("spring-integration-", "org.springframework.integration", _SPRING),
    _Known("spring-jcl", "org.springframework", b"org/apache/commons/logging/"),
    _Known("spring-kafka", "org.springframework.kafka", _SPRING),
    _Known("spring-ldap-", "org.springframework.ldap", _SPRING),
    _Known("spring-plugin-", "org.springframework.plugin", _SPRING),
    _Known("spring-rabbit", "org.springframework.amqp", _SPRING),
    _Known("spring-retry", "org.springframework.retry", _SPRING),
    _Known("spring-security-", "org.springframework.security", _SPRING),
    _Known("spring-session-", "org.springframework.session", _SPRING),
    _Known("spring-webflow", "org.springframework.webflow", _SPRING),
    _Known("spring-ws-", "org.springframework.ws", _SPRING),
    _Known("thymeleaf", "org.thymeleaf", b"org/thymeleaf/"),
    _Known("thymeleaf-spring5", "org.thymeleaf", b"org/thymeleaf/"),
    _Known("thymeleaf-spring6", "org.thymeleaf", b"org/thymeleaf/"),
    _Known("tomcat-", "org.apache.tomcat", _ASF),
    _Known("tomcat-embed-", "org.apache.tomcat.embed", _ASF),
    _Known("velocity", "org.apache.velocity", b"org/apache/velocity/"),
    _Known("xalan", "xalan", b"org/apache/xalan/"),
    _Known("xercesImpl", "xerces", b"org/apache/xerces/"),
    _Known("xmlbeans", "org.apache.xmlbeans", b"org/apache/xmlbeans/"),
    _Known("zookeeper", "org.apache.zookeeper", b"org/apache/zookeeper/"),
]


def group_of(artifact: str, holds: Callable[[bytes], bool]) -> str:
    """The group of an artifact, or ""; `holds` says whether its archive has a folder."""
    fitting = [known for known in _KNOWN if _fits(known.artifact, artifact)]
    longest = max((len(known.artifact) for known in fitting), default=0)
    for known in fitting:
        if len(known.artifact) == longest and holds(known.classes):
            return known.group
    return ""


def _fits(known: str, artifact: str) -> bool:
    return artifact.startswith(known) if known[-1] in "-_" else artifact == known
